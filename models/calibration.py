"""From scores on validation data to thresholds that cost at most so many false alarms a day."""

import math
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

DAY: Final = 86_400.0
_TAIL: Final = 0.05
_MIN_TAIL: Final = 20
_GAP: Final = 1.5
_OUTLIERS: Final = 0.01
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
    return min(budget / max(a_day, 1e-9), 0.05)


def calibrate(
    values: Sequence[float] | NDArray[np.float64], rate: float, floor: float, *, may_hold_anomalies: bool = False
) -> Calibration:
    """Return the threshold that a share `rate` of normal sequences may exceed; never below `floor`.

    With at least 1 / rate values it is their quantile. With fewer it lies beyond the greatest of them, by an
    exponential tail fitted to the top values and within a factor of 1.5; `needed` then says how many more it would
    take. Where the values `may_hold_anomalies`, the top ones are left out if a gap (a factor of 1.5) parts them from
    the rest and they are at most 1 %.
    """
    ordered = np.sort(np.asarray(values, np.float64))
    outliers = _outliers(ordered, floor) if may_hold_anomalies else 0
    ordered = ordered[: len(ordered) - outliers]
    n = len(ordered)
    wanted = math.ceil(1.0 / rate)
    greatest = float(ordered[-1]) if n else 0.0
    if n >= wanted:
        threshold, needed = float(ordered[max(math.ceil((1.0 - rate) * n) - 1, 0)]), 0
    else:
        threshold, needed = _beyond(ordered, rate), wanted - n
    return Calibration(round(max(threshold, floor), 6), rate, n, needed, round(greatest, 6), outliers)


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


def _outliers(ordered: NDArray[np.float64], floor: float) -> int:
    """Return how many of the top values a gap parts from the rest, at most 1 %."""
    most = int(_OUTLIERS * len(ordered))
    if not most:
        return 0
    top = np.maximum(ordered[-most - 1 :], floor)
    gaps = np.flatnonzero(top[1:] >= _GAP * top[:-1])
    return most - int(gaps[0]) if len(gaps) else 0
