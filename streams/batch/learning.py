"""Shell: what a version is learned from, files or a topic, and the one way from lines to a version."""

import heapq
import secrets
import time
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deepsentry import feedback, logs, topics, wire
from deepsentry import kafka as broker
from deepsentry.errors import DataError, TopicMissing, VersionMissing, WireError
from deepsentry.events import CleanEntry, ModelReference, Verdict
from deepsentry.sections import Kafka
from deepsentry.settings import Settings
from models.artifact import TrainedVersion
from models.intake import Progress
from models.known import Judged
from models.recalibration import judged_of, recalibrate
from models.registry import Registry
from models.training import TrainingOptions, train
from streams.batch import offline
from streams.redaction import create_redactor
from streams.sanitizing.sanitize import Located, Sanitizer
from streams.shippers import Record, create_decoder
from streams.windowing.keying import Keyer

LARGEST: Final = 64 << 20
"""Bytes of a file of verdicts."""

log = logs.get("learning")


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody may want of a training; what is empty or 0 is left to the settings."""

    budget: float = 0.0
    key: str = ""
    seed: int = 0
    epochs: int = 0
    origin: tuple[tuple[str, str], ...] = ()
    judged: tuple[Judged, ...] = ()
    """What people said of anomalies; see `judged_on`."""


def learn(settings: Settings, entries: Iterable[CleanEntry], wish: Wish, progress: Progress) -> TrainedVersion:
    """Return a version learned from sanitized entries in time order. Raises TrainingError."""
    keyed = offline.key(entries, wish.key or settings.sequences.key)
    usual = TrainingOptions()
    options = TrainingOptions(
        budget=wish.budget or settings.models.budget,
        seed=wish.seed,
        epochs=wish.epochs or usual.epochs,
        key_pattern=keyed.pattern,
        rules=sanitizer_of(settings).rules,
        origin=wish.origin,
        judged=wish.judged,
    )
    return train(offline.sequences(keyed.entries, settings.sequences), options, progress)


def judged_on(kafka: Kafka) -> tuple[Judged, ...]:
    """Return the sequences of the verdicts that stand on the feedback topic, none where there is no such topic yet."""
    try:
        return judged_of(feedback.stored(kafka).values())
    except TopicMissing:
        return ()


def judged_in(path: str) -> tuple[Judged, ...]:
    """Return the sequences of the verdicts in a file that `deepsentry verdicts list --json` wrote. Raises DataError."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            message = f"{path}: is larger than {LARGEST} bytes"
            raise DataError(message)
        return judged_of(wire.decode(list[Verdict], data))
    except OSError as error:
        message = f"{path}: {error.strerror}"
        raise DataError(message) from None
    except WireError as error:
        message = f"{path}: {error}; write it by `deepsentry verdicts list --json`"
        raise DataError(message) from None


def recalibrated(settings: Settings, name: str) -> ModelReference | None:
    """Save the champion of `name` with exactly the verdicts that stand; None where it has them already.

    The weights are the same, so nothing is trained; no alias moves. Raises KafkaError, ModelError.
    """
    registry = Registry(settings.models.registry)
    champion = registry.champion(name)
    if champion is None:
        message = f"there is no champion of {name}; train one with `deepsentry train --name {name}`"
        raise VersionMissing(message)
    version, _ = registry.read(name, champion.version)
    judged = judged_on(settings.kafka)
    if judged == version.judged:
        return None
    return registry.add(name, recalibrate(version, judged))


def entries_of_files(settings: Settings, paths: Iterable[str]) -> Iterator[CleanEntry]:
    """Yield the sanitized entries of log files, one after the other. Raises DataError."""
    sanitizer = sanitizer_of(settings)
    for path in paths:
        for done in offline.sanitized(offline.records(path, time.time()), sanitizer, ingest=settings.ingest):
            yield from done.clean


def entries_of_topic(settings: Settings, topic: str, since: float | None) -> Iterator[CleanEntry]:
    """Yield the entries of a topic in the order of their time, sanitized where it is not the clean one."""
    partitions = sorted(broker.end_offsets(settings.kafka, topic))
    streams = [_partition(settings, topic, since, partition) for partition in partitions]
    try:
        yield from heapq.merge(*streams, key=lambda entry: entry.timestamp)
    finally:
        for stream in streams:
            stream.close()


def sanitizer_of(settings: Settings) -> Sanitizer:
    """Return the sanitizer for what is read apart from the stream; without a site key its tokens hold for now only."""
    key = settings.redaction.site_key.get_secret_value().encode() or secrets.token_bytes(32)
    redactor = create_redactor(settings.redaction, key)
    return Sanitizer(create_decoder(settings.ingest), redactor, Keyer(settings.sequences.key or offline.BUILT_IN))


def _partition(settings: Settings, topic: str, since: float | None, partition: int) -> Generator[CleanEntry]:
    stored = broker.read(settings.kafka, topic, since=since, only=partition)
    if topic == topics.CLEAN.name:
        for record in stored:
            try:
                yield wire.decode(CleanEntry, record.value)
            except WireError:
                log.warning("event_unreadable", topic=topic, partition=record.partition, offset=record.offset)
        return
    located = (Located(Record(r.value, r.key, r.headers, r.timestamp, r.topic), r.partition, r.offset) for r in stored)
    for done in offline.sanitized(located, sanitizer_of(settings)):
        yield from done.clean
