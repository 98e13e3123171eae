"""The stream's workers as processes of their own: started, asked how far they are, and ended whatever happens."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final

import psutil
from prometheus_client.parser import text_string_to_metric_families

from deepsentry.errors import LocalServerError
from deepsentry.local import free_port

STAGES: Final = ("sanitize", "score", "alert")
ENDS_WITHIN: Final = 10.0
ANSWERS_WITHIN: Final = 5.0


class Worker:
    """One stage at work; its own log is the file `log`."""

    def __init__(self, stage: str, environment: Mapping[str, str], folder: Path) -> None:
        self.stage = stage
        self.log = folder / f"{stage}.log"
        self._port = free_port()
        with self.log.open("ab") as sink:
            self._process = subprocess.Popen(  # noqa: S603 - ourselves
                [sys.executable, "-m", "deepsentry", "worker", stage],
                env={**environment, "DEEPSENTRY_WORKER__PORT": str(self._port)},
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                start_new_session=True,  # an interrupt at the terminal is ours to hand on
            )

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def check(self) -> None:
        """Raise LocalServerError, with the end of its log, if the worker is gone."""
        status = self._process.poll()
        if status is not None:
            message = f"the {self.stage} worker ended with status {status}; {self.said()}"
            raise LocalServerError(message)

    def said(self) -> str:
        """Return how the worker's log ends."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return f"its log ends with: {' | '.join(lines[-3:])}" if lines else "its log is empty"

    def ready(self) -> bool:
        """Tell whether the worker has its share of the stream and can work."""
        return self._get("/health/ready") is not None

    def metric(self, name: str) -> float | None:
        """Return the sum of all samples of a metric, None while the worker does not answer."""
        text = self._get("/metrics")
        if text is None:
            return None
        families = text_string_to_metric_families(text)
        return sum(sample.value for family in families for sample in family.samples if sample.name == name)

    def metric_by(self, name: str, label: str) -> dict[str, int]:
        """Return label value -> sample of a counter, the largest first."""
        families = text_string_to_metric_families(self._get("/metrics") or "")
        found = {
            sample.labels[label]: int(sample.value)
            for family in families
            for sample in family.samples
            if sample.name == name
        }
        return dict(sorted(found.items(), key=lambda item: -item[1]))

    def cpu_seconds(self) -> float:
        """Return the processor time, user and system, that the process has had."""
        try:
            times = psutil.Process(self.pid).cpu_times()
        except psutil.Error:
            self.check()
            raise
        return float(times.user + times.system)

    def stop(self) -> None:
        """Ask the worker to end."""
        self._process.terminate()

    def wait(self) -> None:
        """Return when the worker has ended; one that does not is killed."""
        try:
            self._process.wait(ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _get(self, path: str) -> str | None:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=ANSWERS_WITHIN)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read().decode("utf-8", "replace")
        except (OSError, HTTPException):
            return None
        else:
            return body if answer.status == 200 else None  # noqa: PLR2004
        finally:
            connection.close()


class Workers:
    """All three stages."""

    def __init__(self, sanitize: Worker, score: Worker, alert: Worker) -> None:
        self.sanitize = sanitize
        self.score = score
        self.alert = alert

    def __iter__(self) -> Iterator[Worker]:
        return iter((self.sanitize, self.score, self.alert))


@contextmanager
def workers(environment: Mapping[str, str], folder: Path) -> Iterator[Workers]:
    """Run the stages in `environment`, with their logs in `folder`; none is left behind."""
    folder.mkdir(parents=True, exist_ok=True)
    started: list[Worker] = []
    try:
        started.extend(Worker(stage, environment, folder) for stage in STAGES)
        yield Workers(*started)
    finally:
        for worker in started:
            worker.stop()
        for worker in started:
            worker.wait()
