"""Pure: event time, as told by lines that come from several partitions of the raw log at different paces."""

from collections.abc import Mapping
from typing import Final

import msgspec

MOST_SOURCES: Final = 32
"""Sources remembered in a note; it must stay below the broker's 4 KiB of commit metadata."""
WAKING: Final = 2.0
"""Seconds of the broker's time that a stream is given to wake up, at its start and after each silence."""


class Source(msgspec.Struct, frozen=True, array_like=True):
    """How far one partition of the raw log was when its newest line came."""

    offset: int
    index: int
    clock: float
    """Its event time, Unix seconds; it never goes back."""
    shown: float
    """Event time of its newest line."""
    before: float
    """Event time of the line before."""
    arrived: float
    """When the newest was stored in the clean topic, Unix seconds."""

    def after(self, place: tuple[int, int], time: float, arrived: float, idle: float) -> "Source":
        """Return the source after its next line: a leap needs three lines in a row that agree."""
        reached = time if time <= self.clock + idle else min(time, self.shown, self.before)
        return Source(*place, max(self.clock, reached), time, self.shown, arrived)


class Clock:
    """Event time of a partition of the clean topic.

    A single wrong date must not close everything that is open, so a leap of more than `idle` seconds needs three lines
    that agree. It stands still while the stream wakes up, until every source that has something to say has begun.
    """

    def __init__(self, idle: float, sources: Mapping[str, Source], awake: float | None = None) -> None:
        """`awake` is the broker's time at which the stream woke up, None before its first line."""
        self._idle = idle
        self._sources = dict(sources)
        self._arrived = max((source.arrived for source in sources.values()), default=float("-inf"))
        self.awake = awake
        self.reached = float("-inf")
        """What every source has reached that is still speaking."""
        self.current = float("-inf")
        """The same, also while the stream wakes up; it may go back when another source begins to speak."""
        self.leading = float("-inf")
        """What the foremost source has reached."""
        self._slowest = ""
        if self._sources:
            self._measure()

    @property
    def shown(self) -> float:
        """The earliest of the newest lines of all sources that are still speaking, once the stream is awake."""
        if self._wakes():
            return float("-inf")
        return min(source.shown for source in self._sources.values() if self._speaks(source))

    def tick(self, name: str, place: tuple[int, int], time: float, arrived: float) -> bool:
        """Take a line of the source `name`, at (offset, index) `place`; False where it came before.

        A sanitize worker that died publishes its last chunk again, in the same order.
        """
        before = self._sources.get(name)
        if before is None:
            source = Source(*place, time, time, time, arrived)
        elif place <= (before.offset, before.index):
            return False
        else:
            source = before.after(place, time, arrived, self._idle)
        if self.awake is None or arrived - self._arrived > self._idle:
            self.awake = arrived
        self._arrived = max(self._arrived, arrived)
        self._sources[name] = source
        self.leading = max(self.leading, source.clock)
        # only the slowest can move the time of all, unless one fell silent or begins to speak
        if name == self._slowest or before is None or not self._speaks(before) or not self._speaks_slowest():
            self._measure()
        elif not self._wakes():
            self.reached = max(self.reached, self.current)
        return True

    def newest(self) -> dict[str, Source]:
        """Return the sources for a note, those that spoke last."""
        if len(self._sources) <= MOST_SOURCES:
            return dict(self._sources)
        newest = sorted(self._sources.items(), key=lambda item: item[1].arrived, reverse=True)
        return dict(newest[:MOST_SOURCES])

    def _measure(self) -> None:
        speaking = {name: source.clock for name, source in self._sources.items() if self._speaks(source)}
        self._slowest = min(speaking, key=speaking.__getitem__)
        self.current = speaking[self._slowest]
        self.leading = max(self.leading, *speaking.values(), self.current)
        if not self._wakes():
            self.reached = max(self.reached, self.current)

    def _speaks(self, source: Source) -> bool:
        # by the broker's clock, which a replay reads again: a source that fell silent holds nobody up
        return self._arrived - source.arrived <= self._idle

    def _speaks_slowest(self) -> bool:
        return self._speaks(self._sources[self._slowest])

    def _wakes(self) -> bool:
        return self.awake is None or self._arrived - self.awake < WAKING
