"""Shell: a worker that takes jobs from the topic, one of a kind at a time, and reports how far they are."""

import contextlib
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import msgspec
from prometheus_client import CollectorRegistry

from deepsentry import logs, topics, wire
from deepsentry.errors import DataError, WireError
from deepsentry.events import Job, JobKind, JobReport, JobState, ModelReference, Promotion, WorkerStatus
from deepsentry.kafka import Stored
from deepsentry.metrics import Metrics
from deepsentry.settings import Settings
from models.registry import CHAMPION
from streams.batch.jobchild import Said
from streams.batch.jobs import ENDED, Ledger, Standing, given_back, next_report, parameters_of
from streams.monitoring.health import STATUS_EVERY, HealthServer, Progress, worker_id
from streams.monitoring.needs import wait_for_topics
from streams.transport.feed import Feed, Teller

KINDS: Final[tuple[JobKind, ...]] = ("train", "replay")
NEEDED: Final = (topics.JOBS, topics.REPORTS, topics.WORKERS, topics.MODELS, topics.CLEAN)
LOOK_EVERY: Final = 0.25
REPORT_EVERY: Final = 1.0
UNITS: Final = {
    "read": "sequences read",
    "trim": "looked for what is abnormal in them",
    "encoder": "steps of the encoder",
    "sequence": "epochs of the network",
    "calibrate": "kinds of sequences calibrated",
    "replay": "records brought back",
}
"""Stage of a job -> what its numbers count."""

log = logs.get("jobs")


def run(settings: Settings) -> None:
    """Take jobs until a signal ends the process; a job that is not finished then is given back."""
    metrics = Metrics(CollectorRegistry())
    progress = Progress(facts={"stage": "train"}, assigned=0)
    health = HealthServer(settings.worker.host, settings.worker.port, progress, metrics.registry)
    health.start()
    log.info("worker_starts", stage="train", health=f"http://{settings.worker.host}:{health.port}/health/ready")
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    wait_for_topics(settings.kafka, NEEDED, progress)
    worker = JobWorker(settings, progress, worker_id(settings, "train"))
    try:
        while not stopping.is_set():
            worker.turn()
    finally:
        worker.end()


class Child:
    """A job at work in its own process."""

    def __init__(self, standing: Standing) -> None:
        self.standing = standing
        self.said: queue.SimpleQueue[Said] = queue.SimpleQueue()
        self.last = Said()
        self.told = 0.0
        self.number = standing.number
        """Of the last report that we wrote."""
        self.final: JobReport | None = None
        """What is still to be reported of its end."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "streams.batch.jobchild"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._listening = threading.Thread(target=self._listen, name="job", daemon=True)
        self._listening.start()
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.write(wire.encode(standing.job) + b"\n")
                self._process.stdin.flush()

    def _listen(self) -> None:
        for line in self._process.stdout or ():
            with contextlib.suppress(WireError):
                self.said.put(wire.decode(Said, line))

    def status(self) -> int | None:
        """Return how its process ended, once all that it said is here; None while it works."""
        status = self._process.poll()
        return None if self._listening.is_alive() else status

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


class JobWorker:
    """Reads both topics, takes what is free, reports what its children say."""

    def __init__(
        self, settings: Settings, progress: Progress, name: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._settings = settings
        self._progress = progress
        self._name = name
        self._clock = clock
        self._feed = Feed(settings.kafka, (topics.JOBS, topics.REPORTS))
        self._teller = Teller(settings.kafka)
        self._ledger = Ledger(frozenset(KINDS))
        self._children: dict[JobKind, Child] = {}
        self._claims: dict[str, int] = {}
        """Job -> number of the report by which we try to take it."""
        self._started_at = self._now()
        self._status_at = 0.0

    def turn(self) -> None:
        """Look once at everything."""
        for record in self._feed.take(LOOK_EVERY):
            self._take(record)
        self._progress.beat(lag=0)
        for kind, child in list(self._children.items()):
            self._look_after(kind, child)
        if self._feed.complete:
            self._claim()
        if self._clock() - self._status_at > STATUS_EVERY:
            self._status_at = self._clock()
            self._tell_status()

    def end(self) -> None:
        """Give back what is not finished."""
        for child in self._children.values():
            child.kill()
            if child.final is None:
                self._tell(given_back(child.standing, self._now()))
        self._children.clear()
        self._feed.close()

    def _take(self, record: Stored) -> None:
        try:
            if record.topic == topics.JOBS.name:
                if record.value:
                    self._ledger.job(wire.decode(Job, record.value))
                return
            report = wire.decode(JobReport, record.value)
        except WireError as error:
            log.warning("event_unreadable", topic=record.topic, offset=record.offset, reason=str(error)[:200])
            return
        counts = self._ledger.report(report, record.timestamp)
        if self._claims.get(report.job) == report.number:
            del self._claims[report.job]
            standing = self._ledger.standing.get(report.job)
            if counts and standing and standing.worker == self._name and report.state == "starting":
                self._start(standing)

    def _claim(self) -> None:
        for standing in list(self._ledger.free(self._clock(), self._settings.worker.lost_after)):
            mine = {child.standing.job.id for child in self._children.values()}
            claimed = {self._ledger.standing[job].job.kind for job in self._claims if job in self._ledger.standing}
            if standing.job.id in self._claims or standing.job.id in mine:
                continue
            report = next_report(standing, self._name, self._now())
            if report.state == "starting" and standing.job.kind in self._children.keys() | claimed:
                continue  # one of a kind at a time; another worker may take it
            if self._tell(report):
                self._claims[report.job] = report.number

    def _start(self, standing: Standing) -> None:
        try:
            parameters_of(standing.job)
        except DataError as error:
            self._tell(JobReport(standing.job.id, standing.number + 1, "failed", self._now(), str(error)))
            return
        log.info("job_taken", job=standing.job.id, kind=standing.job.kind, model=standing.job.model)
        self._children[standing.job.kind] = Child(standing)

    def _look_after(self, kind: JobKind, child: Child) -> None:
        standing = child.standing
        if standing.worker != self._name or standing.number > child.number or standing.state in ENDED:
            if child.final is None or standing.number > child.number:
                log.warning("job_superseded", job=standing.job.id, remedy="another worker took it; ours is ended")
            child.kill()
            del self._children[kind]
            return
        if child.number > standing.number:
            if self._clock() - child.told < REPORT_EVERY:
                return  # what we wrote last has not come back yet
            child.number = standing.number  # it was lost on its way: its number is free again
        changed = False
        while not child.said.empty():
            child.last, changed = child.said.get(), True
        if child.final is None:
            child.final = self._final(child)
        if child.final is not None:
            self._report(child, msgspec.structs.replace(child.final, number=standing.number + 1))
        elif (changed and self._clock() - child.told > REPORT_EVERY) or self._silent(child):
            last = child.last
            said = f"{UNITS.get(last.stage, last.stage)}: {last.done:,}" + (f" of {last.total:,}" if last.total else "")
            state: JobState = "validating" if last.stage == "calibrate" else "running"
            self._report(child, self._said(child, state, said if last.stage else "begun", last.done, last.total))

    def _silent(self, child: Child) -> bool:
        return self._clock() - child.told > self._settings.worker.lost_after / 6

    def _final(self, child: Child) -> JobReport | None:
        job, last = child.standing.job, child.last
        if job.stopped and not last.ended:
            child.kill()
            return self._said(child, "stopped", "stopped, as somebody asked for")
        status = child.status()
        if status is None:
            return None
        if not last.ended:
            return self._said(child, "failed", f"its process ended with status {status}; was there memory enough?")
        if last.error:
            return self._said(child, "failed", last.error)
        if last.version and last.promoted:
            self._announce(last.version)
        state: JobState = "registered" if last.version else "done"
        said = f"version {last.version.version} of {last.version.name}" if last.version else "brought back"
        report = self._said(child, state, said)
        return msgspec.structs.replace(report, facts=last.facts, version=last.version)

    def _said(self, child: Child, state: JobState, said: str, done: int = 0, total: int = 0) -> JobReport:
        return JobReport(child.standing.job.id, child.number + 1, state, self._now(), said, done, total)

    def _report(self, child: Child, report: JobReport) -> None:
        child.told = self._clock()
        if self._tell(report):
            child.number = report.number

    def _announce(self, version: ModelReference) -> None:
        promotion = Promotion(version.name, CHAMPION, version.version, version.digest, self._now())
        self._teller.tell(topics.MODELS, f"{version.name}/{CHAMPION}", wire.encode(promotion))

    def _tell(self, report: JobReport) -> bool:
        return self._teller.tell(topics.REPORTS, f"{report.job}/{report.number}", wire.encode(report))

    def _tell_status(self) -> None:
        status = WorkerStatus(
            self._name,
            "train",
            socket.gethostname(),
            os.getpid(),
            self._now(),
            self._started_at,
            ready=not self._progress.ready(),
            reasons=tuple(self._progress.ready()),
        )
        if not self._teller.tell(topics.WORKERS, self._name, wire.encode(status)):
            self._progress.waiting = f"no broker answers at {self._settings.kafka.bootstrap}"
        else:
            self._progress.waiting = ""

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)
