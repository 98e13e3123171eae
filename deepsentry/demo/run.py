"""The demo from start to end: servers, workers, normal traffic, training, faults, and what came of them."""

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

from deepsentry import kafka as broker
from deepsentry import local, settings, topics
from deepsentry.demo import leaks
from deepsentry.demo.following import Following, Told, following
from deepsentry.demo.processes import Worker, Workers, workers
from deepsentry.demo.scoreboard import Report, Scoreboard, Sighting
from deepsentry.demo.traffic import Traffic, publish
from deepsentry.errors import LocalServerError
from deepsentry.events import ModelReference
from deepsentry.settings import Settings

STALLED: Final = 120.0
"""Seconds without progress, beyond the idle time, after which a run is given up."""

POLL: Final = 0.05
"""Seconds for which news is awaited between two looks at the workers."""

Train = Callable[[Settings], ModelReference]
"""Learns from the clean topic and saves the version; the first becomes champion."""


class Narrator(Protocol):
    """Tells a person what happens."""

    def phase(self, text: str) -> None:
        """Say what happens now."""

    def sighting(self, told: Told, sighting: Sighting) -> None:
        """Show an anomaly with its alert as it arrives, and the fault that it found."""


def run(
    traffic: Traffic, home: Path, environ: Mapping[str, str], idle: float, train: Train, narrator: Narrator
) -> Report:
    """Run everything in the folder `home` and return what was measured; a sequence closes `idle` seconds after a line.

    Raises DeepSentryError where it could not run.
    """
    watch = _Stopwatch()
    narrator.phase("starting Apache Kafka and three workers")
    with local.servers(home) as servers:
        environment = environment_of(environ, servers.kafka.bootstrap, home, idle)
        effective, _ = settings.load(environment)
        broker.create_topics(effective.kafka)
        with workers(environment, home / "logs") as stream, following(effective.kafka) as follow:
            play = _Play(effective, stream, follow, Scoreboard.of(traffic.faults), narrator)
            play.ready()
            watch.lap("start")
            play.normal(traffic)
            watch.lap("normal traffic")
            play.learn(train)
            watch.lap("training")
            flow = play.judge(traffic)
            watch.lap("judged traffic")
            return play.report(traffic, flow, watch.seconds)


def environment_of(environ: Mapping[str, str], bootstrap: str, home: Path, idle: float) -> dict[str, str]:
    """Return `environ` for our own servers and a site of our own: a reader's settings do not reach the demo."""
    config = home / "deepsentry.toml"
    config.touch()
    foreign = {name: value for name, value in environ.items() if not name.startswith(settings.PREFIX)}
    return foreign | {
        "DEEPSENTRY_CONFIG": str(config),
        "DEEPSENTRY_KAFKA__BOOTSTRAP": bootstrap,
        "DEEPSENTRY_KAFKA__PARTITIONS": "4",
        "DEEPSENTRY_REDACTION__SITE_KEY": secrets.token_hex(32),
        "DEEPSENTRY_MODELS__REGISTRY": str(home / "registry"),
        "DEEPSENTRY_SEQUENCES__IDLE": str(idle),
        "DEEPSENTRY_LOG__FORMAT": "json",
    }


class _Stopwatch:
    """Phase -> seconds, one after the other."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._began = time.monotonic()

    def lap(self, phase: str) -> None:
        now = time.monotonic()
        self.seconds[phase] = round(now - self._began, 1)
        self._began = now


class _Flow:
    """What the judged lines cost: seconds of the clock, and of the processor for each step."""

    def __init__(self, stream: Workers) -> None:
        self._stream = stream
        self._began = time.monotonic()
        self._before = (stream.sanitize.cpu_seconds(), stream.score.cpu_seconds())
        self.seconds = self.sanitize = self.score = 0.0

    def end(self) -> None:
        self.seconds = time.monotonic() - self._began
        self.sanitize = self._stream.sanitize.cpu_seconds() - self._before[0]
        self.score = self._stream.score.cpu_seconds() - self._before[1]


class _Play:
    """The phases, on a stream that runs."""

    def __init__(
        self, effective: Settings, stream: Workers, follow: Following, board: Scoreboard, narrator: Narrator
    ) -> None:
        self._settings = effective
        self._stream = stream
        self._follow = follow
        self._board = board
        self._narrator = narrator
        self._published = 0
        self._model = ""

    def ready(self) -> None:
        """Wait until every worker has its partitions."""
        self._until("get ready", lambda: sum(not worker.ready() for worker in self._stream))

    def normal(self, traffic: Traffic) -> None:
        """Send the normal lines through; nothing is judged, as there is no version yet."""
        self._narrator.phase(f"publishing {len(traffic.normal):,} normal lines to {topics.RAW.name}")
        self._publish(traffic.normal)
        self._until("handle the normal lines", self._lines_left)
        counted = self._stream.score.metric_by("deepsentry_entries_total", "outcome").get("no_verdict", 0)
        self._narrator.phase(f"no verdict yet on {counted:,} lines: there is no version; learning from them now")

    def learn(self, train: Train) -> None:
        """Train the first version; the workers pick it up while they run."""
        reference = train(self._settings)
        self._model = f"{reference.name} {reference.version} ({reference.digest[:12]})"
        self._narrator.phase(f"{self._model} is champion; the workers take it up")
        pair = (self._stream.sanitize, self._stream.score)
        self._until("take up the version", lambda: sum(not worker.metric("deepsentry_model_info") for worker in pair))

    def judge(self, traffic: Traffic) -> _Flow:
        """Send the lines to be judged, show what is found, and return when nothing is open any more."""
        hidden = f", {len(traffic.faults)} faults among them" if traffic.faults else ""
        self._narrator.phase(f"publishing {len(traffic.judged):,} lines to be judged{hidden}")
        flow = _Flow(self._stream)
        self._publish(traffic.judged)
        self._until("score the lines", self._lines_left)
        flow.end()
        self._narrator.phase(f"all lines are scored; what stays silent for {self._settings.sequences.idle:g} s is over")
        self._until("close what is silent", lambda: _gauge(self._stream.score, "deepsentry_open_sequences"))
        self._until("tell of everything", self._alerts_left)
        for anomaly in self._follow.pairing.anomalies.values():
            self._board.take(anomaly)  # also those that a storm of alerts does not name
        return flow

    def report(self, traffic: Traffic, flow: _Flow, seconds: dict[str, float]) -> Report:
        """Return what was measured, after a search for planted secrets in everything that was kept."""
        lines = len(traffic.judged)
        seen = None
        if traffic.secrets:
            self._narrator.phase(f"looking for {len(traffic.secrets):,} planted secrets in every topic")
            seen = leaks.look(self._settings.kafka, traffic.secrets, [worker.log for worker in self._stream])
        rows = self._board.rows()
        sanitize = self._stream.sanitize
        return Report(
            injected=len(rows) if rows else None,
            found=sum(row.found for row in rows) if rows else None,
            false_alarms=self._board.false_alarms if rows else None,
            secrets_raw=seen.raw if seen else None,
            secrets_after=seen.after if seen else None,
            lines_per_s=round(lines / flow.seconds, 1),
            cpu_us_per_line=round(1e6 * (flow.sanitize + flow.score) / lines, 1),
            cpu_us_sanitize=round(1e6 * flow.sanitize / lines, 1),
            cpu_us_score=round(1e6 * flow.score / lines, 1),
            lines_normal=len(traffic.normal),
            lines_judged=lines,
            anomalies=len(self._board.sightings),
            alerts=len(self._follow.pairing.alerts),
            masked=sanitize.metric_by("deepsentry_findings_total", "kind"),
            rejected=sanitize.metric_by("deepsentry_rejected_total", "reason"),
            model=self._model,
            seconds=seconds,
            faults=rows,
        )

    def _publish(self, records: Sequence[bytes]) -> None:
        publish(self._settings.kafka, records)
        self._published += len(records)

    def _lines_left(self) -> int:
        """Return how many records wait for the sanitize or the score step."""
        left = self._published - _handled(self._stream.sanitize)
        return left or sum(broker.end_offsets(self._settings.kafka, topics.CLEAN.name).values()) - _handled(
            self._stream.score
        )

    def _alerts_left(self) -> int:
        """Return how many anomalies the alert step has not handled, or how many records were not shown here."""
        anomalies = sum(broker.end_offsets(self._settings.kafka, topics.ANOMALIES.name).values())
        return anomalies - _handled(self._stream.alert) or self._follow.held() - self._follow.pairing.records

    def _until(self, what: str, left: Callable[[], int]) -> None:
        """Return when nothing is `left`, and show meanwhile what was found. Raises LocalServerError."""
        patience = self._settings.sequences.idle + STALLED
        before, moved = -1, time.monotonic()
        while (rest := left()) > 0:
            for told in self._follow.poll(POLL):
                self._narrator.sighting(told, self._board.take(told.anomaly))
            for worker in self._stream:
                worker.check()
            if rest != before:
                before, moved = rest, time.monotonic()
            elif time.monotonic() - moved > patience:
                ends = "; ".join(f"{worker.stage}: {worker.said()}" for worker in self._stream)
                message = f"the workers did not {what}: {rest} left, no progress for {patience:.0f} s; {ends}"
                raise LocalServerError(message)


def _handled(worker: Worker) -> int:
    return int(worker.metric("deepsentry_records_total") or 0)


def _gauge(worker: Worker, name: str) -> int:
    """Return a gauge; 1 while it is not known."""
    value = worker.metric(name)
    return 1 if value is None else int(value)
