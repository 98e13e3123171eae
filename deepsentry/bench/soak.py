"""Memory over many distinct sources: both workers' resident memory while lines come in for as long as asked."""

import itertools
import time
from collections.abc import Iterator
from typing import Final

import msgspec
import numpy as np
import psutil
from confluent_kafka import Producer

from deepsentry import kafka as broker
from deepsentry import topics
from deepsentry.bench.bed import CONFIRMED_WITHIN, Bed, until
from deepsentry.bench.lines import Line, filebeat
from deepsentry.demo.processes import Worker
from deepsentry.errors import LocalServerError
from deepsentry.sections import Kafka

EXTRAPOLATED: Final = 20_000_000
"""Lines at which memory is foretold where a run is shorter."""
LOOK_EVERY: Final = 1.0
POINTS: Final = 40
"""Looks that a report keeps."""
AHEAD: Final = 100_000
"""Lines published and not yet scored, at most: a backlog would only fill the broker's disk."""
STATEMENTS: Final = (
    "INFO gateway: request {0} answered after {1} ms, {0} bytes",
    "INFO store: read block {0} of volume {1} in one piece",
    "INFO store: wrote block {0} of volume {1}, checksum matches",
    "WARN gateway: request {0} took {1} ms, slower than the others of this minute",
    "INFO scheduler: job {0} starts on slot {1}",
    "INFO scheduler: job {0} ended with status 0",
)
_BEGIN: Final = 1_790_000_000.0
_LEARNED_SOURCES: Final = 200
LEARNED: Final = 40_000
_MIB: Final = 1_048_576


class Look(msgspec.Struct, frozen=True):
    """How things stood: resident memory in MiB."""

    lines: int
    sources: int
    """Distinct ones so far."""
    open_sequences: int
    sanitize_mib: float
    score_mib: float


class Soak(msgspec.Struct, frozen=True):
    """Memory of both workers; what is `extrapolated` was not measured but follows the last lines' slope."""

    sources: int
    lines: int
    minutes: float
    all_sources_mib: float
    """When the last new source had come."""
    peak_mib: float
    slope_mib_per_million: float
    """Over the later half of the lines after that, as limits fill up before; 0 is flat."""
    extrapolated_20m_mib: float
    bytes_per_open_sequence: float
    """Growth of the score worker for each sequence that it holds open."""
    looks: list[Look]


def lines(sources: int, idle: float) -> Iterator[Line]:
    """Yield lines for ever, one of each source in turn; a round takes half the idle time, so that all stay open."""
    step = idle / 2 / sources
    for number in itertools.count():
        host = f"node-{number % sources}"
        # another statement for a source in each round
        statement = STATEMENTS[(number // sources + number) % len(STATEMENTS)]
        yield Line(_BEGIN + number * step, host, "/var/log/app.log", statement.format(number % 9973, number % 251))


def training() -> Iterator[bytes]:
    """Yield the records that a version learns these statements from."""
    return filebeat(itertools.islice(lines(_LEARNED_SOURCES, 60.0), LEARNED))


def measure(stream: Bed, sources: int, minutes: float) -> Soak:
    """Publish as fast as the workers follow, for so many minutes and at least one round. Raises LocalServerError."""
    looks: list[Look] = []
    with stream.worker("sanitize") as sanitize, stream.worker("score") as score:
        feed = _Feed(stream, sources)
        began = time.monotonic()
        while feed.scored < sources or time.monotonic() - began < 60 * minutes:
            for worker in (sanitize, score):
                worker.check()
            feed.scored = int(score.metric("deepsentry_records_total") or 0)
            looks.append(_look(feed, sanitize, score))
            feed.fill(LOOK_EVERY)
        feed.end()
        until("all lines scored", lambda: (score.metric("deepsentry_records_total") or 0) >= feed.sent, [score])
        feed.scored = feed.sent
        looks.append(_look(feed, sanitize, score))
    return summed(looks, sources, (time.monotonic() - began) / 60)


class _Feed:
    def __init__(self, stream: Bed, sources: int) -> None:
        kafka: Kafka = stream.settings.kafka
        self.sources = sources
        self.sent = 0
        self.scored = 0
        self._partitions = kafka.partitions
        self._records = filebeat(lines(sources, stream.settings.sequences.idle))
        self._producer = Producer(
            broker.librdkafka_config(kafka)
            | {"enable.idempotence": True, "compression.type": "lz4", "queue.buffering.max.messages": 2 * AHEAD}
        )

    def fill(self, seconds: float) -> None:
        """Publish until there is enough ahead; return after so many seconds."""
        until_ = time.monotonic() + seconds
        while self.sent < self.scored + AHEAD and time.monotonic() < until_:
            for record in itertools.islice(self._records, 1000):
                self._producer.produce(topics.RAW.name, record, partition=self.sent % self._partitions)
                self.sent += 1
            self._producer.poll(0)
        time.sleep(max(0.0, until_ - time.monotonic()))

    def end(self) -> None:
        """Return when everything was taken."""
        if left := self._producer.flush(CONFIRMED_WITHIN):
            message = f"{left} records of the soak were not taken"
            raise LocalServerError(message)


def _look(feed: _Feed, sanitize: Worker, score: Worker) -> Look:
    return Look(
        lines=feed.scored,
        sources=min(feed.scored, feed.sources),
        open_sequences=int(score.metric("deepsentry_open_sequences") or 0),
        sanitize_mib=_resident(sanitize),
        score_mib=_resident(score),
    )


def _resident(worker: Worker) -> float:
    return round(float(psutil.Process(worker.pid).memory_info().rss) / _MIB, 1)


def summed(looks: list[Look], sources: int, minutes: float) -> Soak:
    """Return what the looks say; memory after the last new source had come is what must be flat."""
    full = next((place for place, look in enumerate(looks) if look.lines >= sources), len(looks) - 1)
    after = looks[full:]
    memory = [look.sanitize_mib + look.score_mib for look in after]
    middle = (after[0].lines + after[-1].lines) / 2
    later = [(look.lines / 1e6, mib) for look, mib in zip(after, memory, strict=True) if look.lines >= middle]
    slope = 0.0
    if later[-1][0] > later[0][0]:
        slope = float(np.polyfit([million for million, _ in later], [mib for _, mib in later], 1)[0])
    widest = max(looks, key=lambda look: look.open_sequences)
    grown = (widest.score_mib - looks[0].score_mib) * _MIB
    left = max(0, EXTRAPOLATED - after[-1].lines) / 1e6
    return Soak(
        sources=sources,
        lines=after[-1].lines,
        minutes=round(minutes, 2),
        all_sources_mib=round(memory[0], 1),
        peak_mib=round(max(look.sanitize_mib + look.score_mib for look in looks), 1),
        slope_mib_per_million=round(slope, 2),
        extrapolated_20m_mib=round(memory[-1] + max(0.0, slope) * left, 1),
        bytes_per_open_sequence=round(grown / max(widest.open_sequences, 1)),
        looks=looks[:: max(1, len(looks) // POINTS)],
    )
