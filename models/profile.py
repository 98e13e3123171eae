"""The profile view: how often each statement occurs, against the nearest sequence that training held normal."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Counts = tuple[tuple[int, int], ...]
"""(template, how often) in order of template; a sequence's profile, hashable."""

_DAMP: Final = 0.3
"""Added to a template's deviation before it is inverted, so that constant ones do not weigh without limit."""


def counts(templates: Iterable[int], known: int) -> Counts:
    """Return the profile of template ids; others than 0..known-1 are not counted."""
    return tuple(sorted((t, n) for t, n in Counter(templates).items() if 0 <= t < known))


def matrix(profiles: Sequence[Counts], templates: int) -> NDArray[np.float32]:
    """Return log(1 + count) as [profiles, templates]."""
    out = np.zeros((len(profiles), templates), np.float32)
    for row, profile in enumerate(profiles):
        for template, n in profile:
            out[row, template] = np.log1p(n)
    return out


def weights(logs: NDArray[np.float32], mass: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the weight of each template, 1 / (deviation + 0.3), of profiles [n, templates] that occur `mass` times."""
    mean = np.average(logs, axis=0, weights=mass)
    deviation = np.sqrt(np.average((logs - mean) ** 2, axis=0, weights=mass))
    return (1.0 / (deviation + _DAMP)).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Nearest:
    """The nearest neighbour of a profile: distance in 0..1 and its row."""

    distance: float
    row: int


class Neighbours:
    """Profiles of normal sequences. Distance = sum w |x - v| / sum w max(x, v) on x = log(1 + count)."""

    def __init__(self, profiles: Sequence[Counts], weight: NDArray[np.float32]) -> None:
        self.profiles = tuple(profiles)
        self._weight = weight.astype(np.float32)
        logs = matrix(self.profiles, len(weight)) * self._weight
        self._columns = np.ascontiguousarray(logs.T)
        self._totals = logs.sum(1)

    def distances(self, profile: Counts, *, complete: bool = True) -> NDArray[np.float32]:
        """Return the distance to every neighbour; of an unfinished profile only what is too much counts."""
        active = np.array([template for template, _ in profile], np.int64)
        mine = np.array([np.log1p(n) for _, n in profile], np.float32) * self._weight[active]
        theirs = self._columns[active]
        excess: NDArray[np.float32] = np.maximum(mine[:, None] - theirs, 0.0).sum(0)
        union = self._totals + excess
        missing = union - float(mine.sum()) if complete else 0.0
        distance: NDArray[np.float32] = np.maximum((excess + missing) / np.maximum(union, 1e-9), 0.0)
        return distance.astype(np.float32)

    def nearest(self, profile: Counts, *, complete: bool = True) -> Nearest:
        """Return the nearest neighbour, the first of equals."""
        found = self.distances(profile, complete=complete)
        row = int(found.argmin())
        return Nearest(round(float(found[row]), 5), row)
