"""Shell: parts of messages that wait for their others hold back the commit; in a quiet partition they are given up."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from faust.types import TP

from deepsentry.events import CleanEntry
from streams.sanitizing.joining import Joiner
from streams.sanitizing.sanitize import Sanitized
from streams.transport.chunks import ChunkConsumer
from streams.windowing.clock import source_name
from streams.windowing.marks import Marks

QUIET: Final = 5.0
"""Seconds without a record, by the wall clock, after which no further part is expected."""


class Waiting:
    """What waits in the partitions of this worker; `turn` is held while a chunk, or what was given up, is handled."""

    def __init__(self, joiner: Joiner, consumer: Callable[[], ChunkConsumer], clock: Callable[[], float]) -> None:
        self.joiner = joiner
        self.turn = asyncio.Lock()
        self._consumer = consumer
        self._clock = clock
        self._seen: dict[TP, float] = {}
        self.marks = Marks()
        """How far the partitions of this worker are."""

    async def assigned(self, _partitions: set[TP]) -> None:
        """Start anew: reading begins at the committed offsets, before all that waited."""
        self.joiner.forget()
        self._seen.clear()
        self.marks.forget()

    def mark(self, tp: TP, clean: Sequence[CleanEntry]) -> None:
        """Note how far `tp` is with entries that are about to be published; what waits is not there yet."""
        if self.joiner.held((tp.topic, tp.partition)) is None:
            self.marks.add(source_name(tp.topic, tp.partition), [entry.timestamp for entry in clean])

    def settle(self, tp: TP) -> None:
        """Hold the commit of `tp` back to what waits; what does not wait must be published."""
        self._seen[tp] = self._clock()
        self._consumer().wait_from(tp, self.joiner.held((tp.topic, tp.partition)))

    def quiet(self) -> list[TP]:
        """Return the partitions in which parts wait and nothing comes any more, as far as the broker says."""
        consumer = self._consumer()
        early = self._clock() - QUIET
        waiting = [TP(*partition) for partition in self.joiner.waiting()]
        return [tp for tp in waiting if self._seen.get(tp, early) <= early and consumer.read_all(tp)]

    def give_up(self, tp: TP) -> Sanitized:
        """Return what waited in `tp`, as parts."""
        return self.joiner.flush((tp.topic, tp.partition))
