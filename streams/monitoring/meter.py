"""Counts what an agent does, once a chunk: the worker's metrics and its progress."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from faust.types import TP

from deepsentry.metrics import Metrics
from streams.alerts.notice import Update
from streams.monitoring.health import Progress
from streams.sanitizing.sanitize import Sanitized
from streams.scoring.score import Scored


class Meter:
    """The instruments of one stage."""

    def __init__(self, stage: str, metrics: Metrics, progress: Progress) -> None:
        self.metrics = metrics
        self.progress = progress
        self._stage = stage

    @contextmanager
    def chunk(self, *events: Any) -> Iterator[None]:
        """Time the handling of one chunk event, or of several together."""
        started = time.perf_counter()
        yield
        metrics, stage = self.metrics, self._stage
        sizes = [len(event.value) for event in events]
        metrics.records.labels(stage).inc(sum(sizes))
        for size in sizes:
            metrics.chunk_size.labels(stage).observe(size)
        metrics.stage_seconds.labels(stage).observe(time.perf_counter() - started)
        self.progress.moved = self.progress.clock()
        self.progress.records += sum(sizes)

    def sanitized(self, done: Sanitized) -> None:
        """Count what became of a raw chunk."""
        entries = self.metrics.entries
        entries.labels(self._stage, "clean").inc(len(done.clean))
        entries.labels(self._stage, "rejected").inc(len(done.rejected))
        entries.labels(self._stage, "empty").inc(done.empty)
        for _, rejected in done.rejected:
            self.metrics.rejected.labels(rejected.reason).inc()
        for kind, count in done.findings.items():
            self.metrics.findings.labels(kind).inc(count)

    def held(self, tp: TP, reason: str) -> None:
        """Say that the brake holds a partition, and why."""
        self.metrics.braked.labels(tp.topic, str(tp.partition)).set(1)
        self.progress.held = (*self.progress.held, reason)

    def freed(self) -> None:
        """Say that the brake holds no partition."""
        self.metrics.braked.clear()
        self.progress.held = ()

    def scored(self, done: Scored, open_sequences: int, *, verdicts: bool) -> None:
        """Count what became of a clean chunk; `verdicts` is False while there is no model."""
        entries = self.metrics.entries
        fresh = done.entries - done.repeated
        entries.labels(self._stage, "scored" if verdicts else "no_verdict").inc(fresh)
        entries.labels(self._stage, "repeated").inc(done.repeated)
        entries.labels(self._stage, "unreadable").inc(done.unreadable)
        for why, count in done.closed.items():
            self.metrics.sequences.labels(why).inc(count)
        self.metrics.judged.labels("anomaly").inc(len(done.anomalies))
        self.metrics.judged.labels("normal").inc(done.judged - len(done.anomalies))
        for anomaly in done.anomalies:
            self.metrics.anomalies.labels(anomaly.severity, anomaly.view).inc()
        self.metrics.open_sequences.set(open_sequences)

    def alerted(self, updates: list[Update]) -> None:
        """Count published alert updates."""
        for update in updates:
            self.metrics.alerts.labels(update.alert.status).inc()

    def notified(self, target: str, outcome: str) -> None:
        """Count a notification: accepted, deferred (tried again later) or failed (a dead letter)."""
        self.metrics.notifications.labels(target, outcome).inc()

    def accepted(self, target: str, seconds: float) -> None:
        """Count a notification that a target accepted so long after its alert changed."""
        self.notified(target, "accepted")
        self.metrics.notification_delay.labels(target).observe(max(0.0, seconds))
