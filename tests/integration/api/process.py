"""The control plane as an operator runs it: commands, and a process of its own."""

import contextlib
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from deepsentry.__main__ import main
from deepsentry.control import Mongo, Redis

PATIENCE = 90.0


@dataclass(frozen=True)
class Done:
    """What became of a command."""

    status: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Operator:
    """Somebody at a terminal, whose environment points to servers of a test."""

    home: Path
    mongo: Mongo
    redis: Redis

    def environment(self, **more: str) -> dict[str, str]:
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("DEEPSENTRY_")},
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "DEEPSENTRY_MONGO__URL": self.mongo.url.get_secret_value(),
            "DEEPSENTRY_MONGO__DATABASE": self.mongo.database,
            "DEEPSENTRY_REDIS__URL": self.redis.url.get_secret_value(),
            "DEEPSENTRY_REDIS__PREFIX": self.redis.prefix,
            "DEEPSENTRY_KAFKA__BOOTSTRAP": "127.0.0.1:1",
            "DEEPSENTRY_API__KEYS": str(self.home / "keys"),
            "DEEPSENTRY_API__PORT": "0",
            "DEEPSENTRY_LOG__FORMAT": "json",
            **more,
        }

    def run(self, *arguments: str, given: str = "") -> Done:
        """Run a command of deepsentry, in this process: to start one takes longer than most commands."""
        out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
        status = 0
        with (
            mock.patch.dict(os.environ, self.environment(), clear=True),
            mock.patch.object(sys, "argv", ["deepsentry", *arguments]),
            mock.patch.object(sys, "stdin", io.StringIO(given)),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            contextlib.chdir(self.home),
        ):
            try:
                main()
            except SystemExit as ended:
                status = int(ended.code or 0)
        return Done(status, *(_written(each) for each in (out, err)))

    @contextmanager
    def serving(self, **more: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
        """Run `deepsentry api`; give its process and its address."""
        log = self.home / "api.log"
        with log.open("wb") as sink:
            process = subprocess.Popen(
                [sys.executable, "-m", "deepsentry", "api"], cwd=self.home, env=self.environment(**more), stderr=sink
            )
        try:
            yield process, f"http://127.0.0.1:{_port(process, log)}"
        finally:
            process.kill()
            process.wait()

    def logged(self) -> list[dict[str, object]]:
        """Return what the process logged."""
        return [json.loads(line) for line in (self.home / "api.log").read_text().splitlines()]


def _written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    stream.seek(0)
    return stream.read()


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        for line in log.read_text().splitlines():
            if '"api_listens"' in line:
                return int(json.loads(line)["port"])
        time.sleep(0.1)
    raise AssertionError(log.read_text())
