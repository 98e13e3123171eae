"""The novelty view: statements that training never saw, unless the encoder holds them for known ones reworded."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

UNKNOWN: Final = -1


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a text not known to the version is taken for: a template id, or UNKNOWN; with the nearest's similarity."""

    template: int
    similarity: float


class Identity:
    """Decides whether an unseen statement is a rewording of a known one."""

    def __init__(self, vectors: NDArray[np.float64], threshold: float) -> None:
        """Take the vectors [templates, WIDTH] of length 1 and the cosine from which two statements are one."""
        self._vectors = vectors
        self.threshold = threshold

    def resolve(self, vector: NDArray[np.float64]) -> Resolution:
        """Return the nearest known template if it is near enough."""
        if not len(self._vectors):
            return Resolution(UNKNOWN, 0.0)
        alike = self._vectors @ vector
        nearest = int(alike.argmax())
        similarity = round(float(alike[nearest]), 6)
        return Resolution(nearest if similarity >= self.threshold else UNKNOWN, similarity)
