"""From scores on validation data to thresholds that cost at most so many false alarms a day."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

DAY: Final = 86_400.0
_TAIL: Final = 0.05
_MIN_TAIL: Final = 20
_OUTLIERS: Final = 0.01
_IMPLAUSIBLE: Final = 1e-3
"""Chance that a tail like the one below it holds a value as great as an outlier."""
MOST: Final = 0.002
"""A budget is a ceiling: where it allows more than this share of sequences, no more than this share is used."""
_TRIES: Final = 13
_REACH: Final = 1.5
"""A threshold beyond the data stands at most at so many times the greatest value seen."""


class Calibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a threshold came about."""

    threshold: float
    rate: float
    """Share of normal sequences that may lie above it."""
    samples: int
    """Normal sequences it was read from."""
    needed: int
    """How many more it takes to read it from data alone; 0 where there were enough."""
    greatest: float
    """The greatest value among the samples."""
    outliers: int = 0
    """Values left out beforehand, as a gap parts them from all others: what is anomalous in unlabelled data."""


def allowed_rate(budget: float, sequences: int, seconds: float) -> float:
    """Return the share of sequences that may raise a false alarm, for `budget` alarms a day at the data's own rate."""
    a_day = sequences / max(seconds / DAY, 1e-9)
    return min(budget / max(a_day, 1e-9), MOST)


def calibrate(
    values: Sequence[float] | NDArray[np.float64], rate: float, floor: float, *, clear: float = math.inf
) -> Calibration:
    """Return the threshold that a share `rate` of normal sequences may exceed; never below `floor`.

    With at least 1 / rate values it is their quantile. With fewer it lies beyond the greatest of them, by an
    exponential tail fitted to the top values and within a factor of 1.5; `needed` then says how many more it would
    take. Unlabelled data may hold anomalies: of the values from `clear` on, the top ones, at most 1 %, are left out if
    no tail like that of the rest would hold them.
    """
    ordered = np.sort(np.asarray(values, np.float64))
    outliers = _outliers(ordered, clear)
    ordered = ordered[: len(ordered) - outliers]
    n = len(ordered)
    wanted = math.ceil(1.0 / rate)
    greatest = float(ordered[-1]) if n else 0.0
    if n >= wanted:
        threshold, needed = float(ordered[max(math.ceil((1.0 - rate) * n) - 1, 0)]), 0
    else:
        threshold, needed = _beyond(ordered, rate), wanted - n
    return Calibration(round(max(threshold, floor), 6), rate, n, needed, round(greatest, 6), outliers)


@dataclass(frozen=True, slots=True)
class Statistic:
    """What one of several statistics says of normal sequences, and the least that its threshold may be."""

    values: NDArray[np.float64]
    floor: float


def calibrate_together(
    statistics: Sequence[Statistic], flagged: NDArray[np.bool_], rate: float
) -> tuple[Calibration, ...]:
    """Return thresholds of statistics that at most a share `rate` of normal sequences exceeds in one or another.

    `flagged` are sequences (the last of them) that cost an alarm already. What is odd in one way is often odd in
    others, so that fixed parts would leave much of the rate unused: each gets as much as the sequences themselves
    allow, from the whole rate down to an even part of half of it.
    """
    least = 0.5 / len(statistics)
    held = len(flagged)
    found: tuple[Calibration, ...] = ()
    for part in np.linspace(1.0, least, _TRIES).tolist() if held * rate >= 1 else (least,):
        found = tuple(calibrate(s.values, rate * part, s.floor) for s in statistics)
        over = [s.values[-held:] > c.threshold for s, c in zip(statistics, found, strict=True)]
        if np.logical_or.reduce([flagged, *over]).mean() <= rate:
            break
    return found


def _beyond(ordered: NDArray[np.float64], rate: float) -> float:
    """Return where an exponential tail through the top values reaches `rate`, within a factor of the greatest."""
    n = len(ordered)
    if n < 2:  # noqa: PLR2004  (no tail to fit)
        return float(ordered[-1]) * _REACH if n else 0.0
    tail = min(max(_MIN_TAIL, int(_TAIL * n)), n - 1)
    base, greatest = float(ordered[-tail - 1]), float(ordered[-1])
    excess = float((ordered[-tail:] - base).mean())
    reached = base + excess * math.log(tail / n / rate)
    return min(max(reached, greatest), greatest * _REACH)


def _outliers(ordered: NDArray[np.float64], clear: float) -> int:
    """Return how many of the top values, at most 1 %, lie beyond what an exponential tail of the others may hold."""
    for count in range(int(_OUTLIERS * len(ordered)), 0, -1):
        rest = ordered[:-count]
        tail = min(_MIN_TAIL, len(rest) - 1)
        base = float(rest[-tail - 1])
        excess = float((rest[-tail:] - base).mean())
        if ordered[-count] > max(base + excess * math.log(tail / _IMPLAUSIBLE), clear):
            return count
    return 0
