"""Pure: how far the partitions of the raw log are, as the sanitizer tells the score step beside its lines.

Lines of one partition of the raw log are spread over all of the clean topic, so each of these hears of it rarely. The
last record that a publish leaves in a partition carries a mark: what the sanitizer's partitions of the raw log have
reached, of which everything stands before it (docs/decisions/0005). It is a watermark with a bound on how late lines
come, which is measured: Akidau et al., The Dataflow Model, VLDB 2015, section 2.3.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from deepsentry import wire
from deepsentry.errors import WireError
from streams.windowing.sequence import EARLIEST, LATEST

HEADER: Final = "deepsentry-reached"
KNOWN: Final = 50
"""Lines after which it is known how late a partition's lines come."""
REMEMBERED: Final = 1000
"""The latest of at least so many lines, and at most twice as many, counts."""
LEAP: Final = 10.0
"""Seconds: three lines have to agree on a greater leap, and later lines than that are waited for by nobody."""

Reached = Mapping[str, float]
"""Partition of the raw log, as `topic/partition` -> event time, Unix seconds."""


class _Mark(msgspec.Struct, frozen=True):
    reached: dict[str, Annotated[float, Meta(gt=EARLIEST, lt=LATEST)]]


class _Progress:
    """How far one partition is, and how late its lines come."""

    __slots__ = ("_before", "_earlier", "_foremost", "_late", "_left", "_shown", "_taken", "reached")

    def __init__(self) -> None:
        self.reached = float(EARLIEST)
        """What it has reached, and never goes back; EARLIEST while that is not known."""
        self._foremost = self._shown = self._before = float(EARLIEST)
        self._taken = 0
        self._late = self._earlier = 0.0
        self._left = REMEMBERED

    def take(self, times: Sequence[float]) -> None:
        foremost, shown, before, late = self._foremost, self._shown, self._before, self._late
        for time in times:
            if time <= foremost:
                if late < foremost - time <= LEAP:
                    late = foremost - time
            elif time <= foremost + LEAP:
                foremost = time
            else:  # one wrong date must not move the time of all
                foremost = max(foremost, min(time, shown, before))
            before, shown = shown, time
        self._foremost, self._shown, self._before, self._late = foremost, shown, before, late
        self._taken += len(times)
        if self._taken >= KNOWN:
            # more lines of that very time may follow
            self.reached = max(self.reached, math.nextafter(foremost - max(late, self._earlier), -math.inf))
        self._left -= len(times)
        if self._left <= 0:
            self._late, self._earlier, self._left = 0.0, late, REMEMBERED


class Marks:
    """What the partitions of one sanitizer have reached."""

    def __init__(self) -> None:
        self._partitions: dict[str, _Progress] = {}

    def add(self, partition: str, times: Sequence[float]) -> None:
        """Take the times of the next entries of one partition, in their order."""
        progress = self._partitions.get(partition)
        if progress is None:
            progress = self._partitions[partition] = _Progress()
        progress.take(times)

    def headers(self) -> tuple[tuple[str, bytes], ...]:
        """Return the mark as headers of a record; none while nothing is known."""
        known = {name: each.reached for name, each in self._partitions.items() if each.reached > EARLIEST}
        return ((HEADER, wire.encode(_Mark(known))),) if known else ()

    def forget(self) -> None:
        """Start anew: partitions were given out again."""
        self._partitions.clear()


def reached(headers: Iterable[tuple[str, bytes]]) -> Reached | None:
    """Return the mark in the headers of a record; None where there is none, or another program's."""
    for name, value in headers:
        if name == HEADER:
            try:
                return wire.decode(_Mark, value).reached
            except WireError:
                break
    return None
