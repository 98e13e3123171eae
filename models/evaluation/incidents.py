"""Endless logs are judged by incidents: alarms and operators' marks in bursts, not line by line."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from models.calibration import DAY

QUIET: Final = 300.0
"""Seconds of silence that part one burst, or one incident, from the next."""


@dataclass(frozen=True, slots=True)
class Incidents:
    """What became of the bursts of marked lines, and what was raised besides."""

    bursts: int
    found: int
    incidents: int
    false_incidents: int
    false_incidents_a_day: float

    def rounded(self) -> dict[str, float]:
        """Return the figures by name, for print."""
        return {name: round(float(getattr(self, name)), 3) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Window:
    """First and last time of a window, the times of its marked lines, and whether it was flagged."""

    first: float
    last: float
    marked: tuple[float, ...]
    flagged: bool


def incidents(windows: Sequence[Window]) -> Incidents:
    """Return how many bursts have a line in a flagged window, and how many incidents hold no marked line."""
    bursts: list[list[float]] = []
    for at in sorted(at for window in windows for at in window.marked):
        if bursts and at - bursts[-1][-1] <= QUIET:
            bursts[-1].append(at)
        else:
            bursts.append([at])
    raised: list[list[Window]] = []
    for window in sorted((w for w in windows if w.flagged), key=lambda w: w.first):
        if raised and window.first - raised[-1][-1].last <= QUIET:
            raised[-1].append(window)
        else:
            raised.append([window])
    seen = {at for incident in raised for window in incident for at in window.marked}
    false = sum(not any(window.marked for window in incident) for incident in raised)
    days = max(max(w.last for w in windows) - min(w.first for w in windows), 1.0) / DAY
    return Incidents(
        bursts=len(bursts),
        found=sum(any(at in seen for at in burst) for burst in bursts),
        incidents=len(raised),
        false_incidents=false,
        false_incidents_a_day=false / days,
    )
