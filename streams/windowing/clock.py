"""Pure: event time, as told by lines that come from several partitions of the raw log at different paces."""

from collections.abc import Mapping
from typing import Final

import msgspec

MOST_SOURCES: Final = 32
"""Sources remembered in a note; it must stay below the broker's 4 KiB of commit metadata."""
WAKING: Final = 2.0
"""Seconds of the broker's time that a stream is given to wake up, at its start and after each silence."""
GAP: Final = 0.5
"""So many of them at most go by between two lines: nobody wakes up while a worker that has just died is replaced."""


def source_name(topic: str, partition: int) -> str:
    """Return by which name a partition of the raw log is known, to clocks, notes and marks."""
    return f"{topic}/{partition}"


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


class _Pace:
    """How far one source is: what `Source` says, without a new object for each line."""

    __slots__ = ("arrived", "before", "clock", "index", "offset", "shown")

    def __init__(self, source: Source) -> None:
        self.offset, self.index = source.offset, source.index
        self.clock, self.shown, self.before = source.clock, source.shown, source.before
        self.arrived = source.arrived

    def source(self) -> Source:
        """Return what a note says of it."""
        return Source(self.offset, self.index, self.clock, self.shown, self.before, self.arrived)


class Clock:
    """Event time of a partition of the clean topic.

    A single wrong date must not close everything that is open, so a leap of more than `idle` seconds needs three lines
    that agree. It stands still while the stream wakes up, until every source that has something to say has begun.
    """

    def __init__(self, idle: float, sources: Mapping[str, Source], awake: float | None = None) -> None:
        """`awake` is when the stream began to wake up, by the broker's time without gaps; None: not yet."""
        self._idle = idle
        self._paces = {name: _Pace(source) for name, source in sources.items()}
        self._arrived = max((source.arrived for source in sources.values()), default=float("-inf"))
        self.awake = awake
        self.reached = float("-inf")
        """What every source has reached that is still speaking."""
        self.current = float("-inf")
        """The same, also while the stream wakes up; it may go back when another source begins to speak."""
        self.leading = max((source.clock for source in sources.values()), default=float("-inf"))
        """What the foremost source has reached."""
        self._slowest: _Pace | None = None
        self._others = float("inf")
        """No other source that is still speaking is behind this time."""
        if self._paces:
            self._measure()

    @property
    def shown(self) -> float:
        """The earliest of the newest lines of all sources that are still speaking, once the stream is awake."""
        if self._wakes():
            return float("-inf")
        return min(pace.shown for pace in self._paces.values() if self._speaks(pace))

    def is_behind(self, time: float) -> bool:
        """Tell whether `shown` is later than `time`; mostly it is not, and one source is enough to know."""
        slowest = self._slowest
        return slowest is not None and slowest.shown > time and self.shown > time

    def tick(self, name: str, offset: int, index: int, time: float, arrived: float) -> bool:
        """Take a line of the source `name`, the entry `index` of the record at `offset`; False where it came before.

        A sanitize worker that died publishes its last chunk again, in the same order.
        """
        pace = self._paces.get(name)
        if pace is not None and (offset < pace.offset or (offset == pace.offset and index <= pace.index)):
            return False
        if arrived > self._arrived:  # a broker whose clock was set back changes nothing
            self._arrive(arrived)
        if pace is None:
            pace = self._paces[name] = _Pace(Source(offset, index, time, time, time, self._arrived))
            self._measure()
            return True
        spoke = self._arrived - pace.arrived <= self._idle
        # a leap needs three lines in a row that agree
        reached = time if time <= pace.clock + self._idle else min(time, pace.shown, pace.before)
        if reached > pace.clock:
            pace.clock = reached
            self.leading = max(self.leading, reached)
        pace.before, pace.shown = pace.shown, time
        pace.offset, pace.index = offset, index
        pace.arrived = self._arrived
        slowest = self._slowest
        # only the slowest can move the time of all, unless one fell silent or begins to speak
        if pace is slowest and pace.clock <= self._others:
            self.current = pace.clock
        elif pace is slowest or not spoke or slowest is None or self._arrived - slowest.arrived > self._idle:
            self._measure()
            return True
        if self.current > self.reached and not self._wakes():
            self.reached = self.current
        return True

    def advance(self, reached: Mapping[str, float], arrived: float) -> None:
        """Take what sources have reached of which everything came before this; they need have no line here.

        What says nothing new is passed over: a sanitizer that took the place of a dead one repeats much of it.
        """
        news = {
            name: time for name, time in reached.items() if name not in self._paces or time > self._paces[name].clock
        }
        if not news:
            return
        if arrived > self._arrived:
            self._arrive(arrived)
        for name, time in news.items():
            pace = self._paces.get(name)
            if pace is None:
                self._paces[name] = _Pace(Source(-1, 0, time, time, time, self._arrived))
            else:
                pace.clock, pace.shown, pace.arrived = time, max(pace.shown, time), self._arrived
        self._measure()

    def _arrive(self, arrived: float) -> None:
        silence = arrived - self._arrived
        if self.awake is None or (self._paces and silence > self._idle):
            self.awake = arrived
            for each in self._paces.values():  # while nobody speaks, that one does not means nothing
                each.arrived += silence
        elif silence > GAP and self._wakes():
            self.awake += silence - GAP
        self._arrived = arrived

    def newest(self) -> dict[str, Source]:
        """Return the sources for a note, those that spoke last."""
        paces = list(self._paces.items())
        if len(paces) > MOST_SOURCES:
            paces = sorted(paces, key=lambda item: item[1].arrived, reverse=True)[:MOST_SOURCES]
        return {name: pace.source() for name, pace in paces}

    def _measure(self) -> None:
        speaking = [pace for pace in self._paces.values() if self._speaks(pace)]
        slowest = self._slowest = min(speaking, key=lambda pace: pace.clock)
        self._others = min((pace.clock for pace in speaking if pace is not slowest), default=float("inf"))
        self.current = slowest.clock
        self.leading = max(self.leading, *(pace.clock for pace in speaking))
        if not self._wakes():
            self.reached = max(self.reached, self.current)

    def _speaks(self, pace: _Pace) -> bool:
        # by the broker's clock, which a replay reads again: a source that fell silent holds nobody up
        return self._arrived - pace.arrived <= self._idle

    def _wakes(self) -> bool:
        return self.awake is None or self._arrived - self.awake < WAKING
