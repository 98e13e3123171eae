"""Shell: what a version is learned from, files or a topic, and the one way from lines to a version."""

import heapq
import secrets
import time
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass

from deepsentry import kafka as broker
from deepsentry import logs, topics, wire
from deepsentry.errors import WireError
from deepsentry.events import CleanEntry
from deepsentry.settings import Settings
from models.artifact import TrainedVersion
from models.intake import Progress
from models.training import TrainingOptions, train
from streams import offline
from streams.keying import Keyer
from streams.redaction import create_redactor
from streams.sanitize import Located, Sanitizer
from streams.shippers import Record, create_decoder

log = logs.get("learning")


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody may want of a training; what is empty or 0 is left to the settings."""

    budget: float = 0.0
    key: str = ""
    seed: int = 0
    epochs: int = 0
    origin: tuple[tuple[str, str], ...] = ()


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
    )
    return train(offline.sequences(keyed.entries, settings.sequences), options, progress)


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
