"""Shell: rebuilds the open sequences of a partition by replaying the clean topic from the oldest of them."""

import contextlib
from collections.abc import Iterator
from typing import Final

from deepsentry import kafka as broker
from deepsentry import logs, topics, wire
from deepsentry.errors import WireError
from deepsentry.events import Cut
from deepsentry.kafka import Stored
from deepsentry.settings import Settings
from streams.resume import Resume, from_note
from streams.score import CleanRecord, Open, Scorer

REPLAY_CHUNK: Final = 1000

log = logs.get("recovery")


def restore(settings: Settings, group: str, partition: int, scorer: Scorer, found: tuple[int, str] | None) -> Open:
    """Return what was open at the committed offset and metadata `found`; what it led to is not emitted again.

    The committed offset carries the place of the oldest open line (`Resume`); sequences that were closed by anything
    but event time are passed over by the cuts of the `sequences` topic. Raises KafkaError.
    """
    resume = from_note(found[1]) if found else None
    if found is None or resume is None:
        return scorer.open(settings.sequences)
    records = _clean_records(settings, partition, resume, end=found[0])
    first = next(records, None)
    windows = scorer.open(settings.sequences, resume, _handled(settings, group, partition, first))
    replayed = 0
    if first is not None:
        for chunk in _chunks(first, records):
            scorer.score(partition, windows, chunk)
            replayed += len(chunk)
    log.info("sequences_restored", partition=partition, replayed=replayed, open=len(windows))
    return windows


def _clean_records(settings: Settings, partition: int, resume: Resume, end: int) -> Iterator[Stored]:
    if resume.begin >= end:
        return
    messages = broker.read(settings.kafka, topics.CLEAN.name, begin={partition: resume.begin})
    with contextlib.closing(messages):
        for message in messages:
            if message.offset >= end:
                return
            yield message


def _handled(settings: Settings, group: str, partition: int, first: Stored | None) -> dict[str, int]:
    """Return sequence key -> offset up to which its lines are handled; cuts older than the replay do not matter."""
    if first is None:
        return {}
    handled: dict[str, int] = {}
    for message in broker.read(settings.kafka, topics.SEQUENCES.name, since=first.timestamp, only=partition):
        with contextlib.suppress(WireError):
            cut = wire.decode(Cut, message.value)
            if cut.group == group:
                handled[cut.sequence] = max(cut.offset, handled.get(cut.sequence, -1))
    return handled


def _chunks(first: Stored, rest: Iterator[Stored]) -> Iterator[list[CleanRecord]]:
    chunk = [CleanRecord(first.offset, first.timestamp, first.value)]
    for message in rest:
        if len(chunk) == REPLAY_CHUNK:
            yield chunk
            chunk = []
        chunk.append(CleanRecord(message.offset, message.timestamp, message.value))
    yield chunk
