"""The novelty view: statements that training never saw, unless the encoder holds them for known ones reworded.

A statement very near a known one is that one, whatever stands around it. One that is only like a known one is that one
where it stands in its place: where the sequence is normal once it is read so.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

UNKNOWN: Final = -1
_READINGS: Final = 3
"""Known statements that an unseen one may be read as."""
_GRAVE: Final = frozenset(
    {"warn", "warning", "err", "error", "severe", "crit", "critical", "alert", "emerg", "panic", "fatal"}
)


class Identity:
    """Decides which known statements an unseen one may reword."""

    def __init__(self, templates: Sequence[str], vectors: NDArray[np.float64], same: float, alike: float) -> None:
        """Take known statements, their vectors [templates, WIDTH] of length 1, and the cosines of the two degrees."""
        self._grave = [_levels(text) for text in templates]
        self._vectors = vectors
        self._same = same
        self._alike = alike

    def same(self, text: str, vector: NDArray[np.float64]) -> int:
        """Return the known template that a statement is, whatever stands around it, or UNKNOWN."""
        nearest = self._nearest(text, vector, self._same)
        return nearest[0] if nearest else UNKNOWN

    def alike(self, text: str, vector: NDArray[np.float64]) -> tuple[int, ...]:
        """Return the known templates that it may be in its place, the likest first."""
        return self._nearest(text, vector, self._alike)

    def _nearest(self, text: str, vector: NDArray[np.float64], least: float) -> tuple[int, ...]:
        """A statement of a graver level than a known one is news, however like it is."""
        grave = _levels(text)
        found = np.round(self._vectors @ vector, 6)
        order = np.argsort(-found, kind="stable")[:_READINGS].tolist()
        return tuple(t for t in order if found[t] >= least and grave <= self._grave[t])


def _levels(text: str) -> frozenset[str]:
    return _GRAVE.intersection(word.strip("[]():,;<>|").lower() for word in text.split(" "))
