"""Shell: reads the clean topic once more: to rebuild what was open, and to show the lines of an anomaly."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Final

from deepsentry import kafka as broker
from deepsentry import logs, topics, wire
from deepsentry.errors import WireError
from deepsentry.events import Cut
from deepsentry.kafka import Stored
from deepsentry.settings import Settings
from streams.scoring.score import Open, Scorer
from streams.scoring.texts import CleanRecord
from streams.windowing.marks import reached
from streams.windowing.resume import Resume, from_note

REPLAY_CHUNK: Final = 1000
LONGEST_READ: Final = 2.0
"""Seconds for the lines of one anomaly."""
REST: Final = 9.0
"""So many times as long as it took, nothing is read again."""

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


class ReadAgain:
    """Reads records that are not held any more, for as much of the time as is bearable: a worker waits meanwhile."""

    def __init__(self, settings: Settings, clock: Callable[[], float], within: float = LONGEST_READ) -> None:
        """`clock` gives monotonic seconds; a call takes at most `within` of them."""
        self._settings = settings
        self._within = within
        self._clock = clock
        self._rests_until = clock()

    def __call__(self, partition: int, offsets: Sequence[int]) -> dict[int, bytes]:
        """Return offset -> record; nothing while it rests, and what was found where the broker is slow or away."""
        begun = self._clock()
        if begun < self._rests_until:
            return {}
        found: dict[int, bytes] = {}
        for wanted in _near(sorted(offsets)):
            left = self._within - (self._clock() - begun)
            if left > 0:
                found.update(self._from(partition, wanted, left))
        now = self._clock()
        self._rests_until = now + REST * (now - begun)
        return found

    def _from(self, partition: int, wanted: list[int], within: float) -> Iterator[tuple[int, bytes]]:
        messages = broker.glance(self._settings.kafka, topics.CLEAN.name, partition, wanted[0], within)
        with contextlib.closing(messages):
            for record in messages:
                if record.offset in wanted:
                    yield record.offset, record.value
                if record.offset >= wanted[-1]:
                    return


def _near(offsets: list[int]) -> Iterator[list[int]]:
    """Cut ascending offsets where a gap is too wide to be read through."""
    run: list[int] = []
    for offset in offsets:
        if run and offset - run[-1] > REPLAY_CHUNK:
            yield run
            run = []
        run.append(offset)
    if run:
        yield run


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
    chunk: list[CleanRecord] = []
    for message in chain((first,), rest):
        if len(chunk) == REPLAY_CHUNK:
            yield chunk
            chunk = []
        chunk.append(CleanRecord(message.offset, message.timestamp, message.value, reached(message.headers)))
    yield chunk
