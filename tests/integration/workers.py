"""A worker process as an operator starts it: its log, its health and its metrics."""

import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

import msgspec
import psutil
from prometheus_client.parser import text_string_to_metric_families

from deepsentry import wire
from deepsentry.errors import WireError


class _Said(msgspec.Struct):
    reasons: list[str]


@dataclass(frozen=True)
class Health:
    status: int
    reasons: list[str]


@dataclass(frozen=True)
class Worker:
    process: subprocess.Popen[bytes]
    log: Path

    @classmethod
    def start(cls, command: list[str], environment: Mapping[str, str], log: Path) -> "Worker":
        with log.open("wb") as sink:
            return cls(subprocess.Popen(command, env=environment, stdout=sink, stderr=sink), log)

    @property
    def lives(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        """End it as a crash of its machine would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def pause(self) -> None:
        """Stop it where it stands, as a machine that is suspended; `resume` lets it go on."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on as if nothing had been."""
        self.process.send_signal(signal.SIGCONT)

    def end(self, within: float = 45.0) -> int:
        """Ask it to end, as an orchestrator does, and return its exit status."""
        self.process.terminate()
        return self.process.wait(within)

    def memory(self) -> int:
        """Return the bytes of memory that it holds."""
        return int(psutil.Process(self.process.pid).memory_info().rss)

    def said(self, event: str) -> list[dict[str, object]]:
        """Return the log lines of `event`, the oldest first."""
        return [line for line in self._lines() if line.get("event") == event]

    def ready(self) -> Health:
        return self._health("ready")

    def live(self) -> Health:
        return self._health("live")

    def misses_broker(self) -> bool:
        """Tell whether it says that it cannot work because no broker answers."""
        health = self.ready()
        return health.status == 503 and any("no broker answers" in reason for reason in health.reasons)

    def metric(self, name: str, **labels: str) -> float:
        """Return the sum of the samples of `name` that have `labels`."""
        families = text_string_to_metric_families(self._get("/metrics")[1].decode())
        samples = (sample for family in families for sample in family.samples if sample.name == name)
        return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())

    def _health(self, probe: str) -> Health:
        status, body = self._get(f"/health/{probe}")
        return Health(status, wire.decode(_Said, body).reasons)

    def _get(self, path: str) -> tuple[int, bytes]:
        started = self.said("worker_starts")
        if not started:
            return 0, b'{"reasons":["it has not said where it listens"]}'
        base = str(started[0]["health"]).removesuffix("/health/ready")
        try:
            with urllib.request.urlopen(base + path, timeout=5) as answer:  # noqa: S310 - our own address
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except (OSError, HTTPException):
            return 0, b'{"reasons":["it does not answer"]}'

    def _lines(self) -> list[dict[str, object]]:
        found = []
        for line in self.log.read_bytes().splitlines():
            try:
                value = wire.from_json(line)
            except WireError:
                continue
            if isinstance(value, dict):
                found.append(value)
        return found
