"""Pure: the newest records of the clean topic, so that an anomaly can show its lines; older ones are read again."""

from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from streams.windowing.marks import Reached

MOST_BYTES: Final = 32 * 1_048_576
"""Of records and what it takes to hold them."""
_EACH: Final = 64
"""Bytes that a record takes beside its own."""

Again = Callable[[int, Sequence[int]], Mapping[int, bytes]]
"""(partition, offsets) -> the records there; those that are gone are left out."""


class CleanRecord(msgspec.Struct, frozen=True, gc=False):
    """A record of the clean topic: where it stands, when the broker took it (Unix seconds), its bytes and its mark."""

    offset: int
    arrived: float
    value: bytes
    reached: Reached | None = None


@dataclass(frozen=True, slots=True)
class _Run:
    partition: int
    offsets: "array[int]"
    values: list[bytes]
    size: int


def nowhere(_partition: int, _offsets: Sequence[int]) -> dict[int, bytes]:
    """Return nothing: what is not held is gone."""
    return {}


class Texts:
    """Holds what came last, of all partitions together; the oldest is let go first."""

    def __init__(self, again: Again = nowhere, most: int = MOST_BYTES) -> None:
        self._again = again
        self._most = most
        self._size = 0
        self._runs: deque[_Run] = deque()
        self._of: dict[int, deque[_Run]] = {}

    def keep(self, partition: int, records: Sequence[CleanRecord]) -> None:
        """Hold `records`, which are in the order of their offsets and follow those held before."""
        if not records:
            return
        values = [record.value for record in records]
        size = sum(map(len, values)) + _EACH * len(values)
        run = _Run(partition, array("q", [record.offset for record in records]), values, size)
        held = self._of.setdefault(partition, deque())
        if held and held[-1].offsets[-1] >= run.offsets[0]:
            self.forget(partition)  # the partition went away and came back
            held = self._of.setdefault(partition, deque())
        held.append(run)
        self._runs.append(run)
        self._size += size
        while self._size > self._most:
            self._let_go(self._runs.popleft())

    def forget(self, partition: int) -> None:
        """Hold nothing of `partition`."""
        gone = self._of.pop(partition, deque())
        self._size -= sum(run.size for run in gone)
        self._runs = deque(run for run in self._runs if run.partition != partition)

    def held(self, partition: int, offset: int) -> bytes | None:
        """Return the record at `offset`, None where it is not held."""
        runs = self._of.get(partition)
        if not runs:
            return None
        place = bisect_right(runs, offset, key=lambda run: run.offsets[0]) - 1
        if place < 0:
            return None
        run = runs[place]
        found = bisect_right(run.offsets, offset) - 1
        return run.values[found] if run.offsets[found] == offset else None

    def find(self, partition: int, offsets: Sequence[int]) -> dict[int, bytes]:
        """Return the records at `offsets`, also those that have to be read again, as far as they are still there."""
        found = {offset: value for offset in offsets if (value := self.held(partition, offset)) is not None}
        missing = [offset for offset in offsets if offset not in found]
        if missing:
            found.update(self._again(partition, missing))
        return found

    def _let_go(self, run: _Run) -> None:
        self._size -= run.size
        held = self._of[run.partition]
        held.popleft()
        if not held:
            del self._of[run.partition]
