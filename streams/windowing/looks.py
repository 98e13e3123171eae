"""Pure: when open sequences are looked at next, in the order of event time.

Far looks lie in slots of a second by their keys alone, and only those of the next second in a heap: a timing wheel
whose slots are sorted when their time comes (Varghese and Lauck, Hashed and Hierarchical Timing Wheels, SOSP 1987).
A million looks take a fifth of what their heap would.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator
from typing import Final

SLOT: Final = 1.0
"""Seconds of event time."""
MOST: Final = 1.25
FEW: Final = 1024
"""Looks for each key, and beyond that, that are kept at most: those that count no more hold their keys in memory."""

Time = float
"""Event time, Unix seconds."""


class Looks:
    """Keys, each with the time at which it is due.

    A key may be named more than once; `due` tells which of its times counts, and None for one that is gone. A far
    look keeps no time of its own.
    """

    def __init__(self, due: Callable[[str], Time | None]) -> None:
        self._due = due
        self._near: list[tuple[Time, str]] = []
        self._far: dict[float, list[str]] = {}
        self._slots: list[float] = []
        self._sorted = float("-inf")
        """The last slot whose looks are in the heap."""
        self._count = 0
        self.earliest: Time = float("inf")
        """Nothing is due before."""

    def __len__(self) -> int:
        """Return how many looks are kept, those included that count no more."""
        return self._count

    def is_crowded(self, keys: int) -> bool:
        """Tell whether so much of what is kept for so many keys counts no more that it is to be rebuilt."""
        return self._count > MOST * keys + FEW

    def add(self, key: str, due: Time) -> None:
        """Name `key` once it is later than `due`, a finite time."""
        slot = due // SLOT
        if slot <= self._sorted:
            heapq.heappush(self._near, (due, key))
        elif slot in self._far:
            self._far[slot].append(key)
        else:
            self._far[slot] = [key]
            heapq.heappush(self._slots, slot)
        self._count += 1
        self.earliest = min(self.earliest, due)

    def before(self, now: Time) -> Iterator[str]:
        """Yield, and forget, each key that is due before `now`, the earliest first; of one time, the least key."""
        while self.earliest < now:
            while self._slots and self._slots[0] * SLOT < now:
                self._sort(heapq.heappop(self._slots))
            if self._near and self._near[0][0] < now:
                due, key = heapq.heappop(self._near)
                self._count -= 1
                if self._due(key) == due:
                    yield key
            else:
                self.earliest = min(self._near[0][0] if self._near else float("inf"), self._next_slot())

    def rebuild(self, keys: Iterable[tuple[str, Time]]) -> None:
        """Keep the looks of `keys`, each with its time, and no others."""
        self._near, self._far, self._slots = [], {}, []
        self._count, self.earliest = 0, float("inf")
        for key, due in keys:
            self.add(key, due)

    def _sort(self, slot: float) -> None:
        """Put what is due in `slot` among the near."""
        keys = self._far.pop(slot)
        self._count -= len(keys)
        self._sorted = slot
        for key in keys:
            due = self._due(key)
            if due is not None and due // SLOT == slot:
                heapq.heappush(self._near, (due, key))
                self._count += 1

    def _next_slot(self) -> Time:
        return self._slots[0] * SLOT if self._slots else float("inf")
