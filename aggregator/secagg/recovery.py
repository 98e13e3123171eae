"""Secrets from shares of which some may be false: other subsets are tried, and who gave what does not fit is named."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from aggregator.secagg.primitives import Point, value_at

MAX_TRIES: Final = 2_000
"""Subsets of shares that are tried for one secret."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """A secret that is the one committed to, and the places whose shares do not lie on its polynomial."""

    secret: bytes
    false: tuple[int, ...]


def recover(points: Sequence[Point], threshold: int, right: Callable[[bytes], bool]) -> Recovered | None:
    """Return the secret in `points`, of which any `threshold` true ones give it; None where no subset tried does.

    `right` tells whether a secret is the one that its owner committed to, so a wrong subset cannot pass.
    """
    for chosen in itertools.islice(itertools.combinations(points, threshold), MAX_TRIES):
        secret = value_at(0, chosen)
        if right(secret):
            taken = {place for place, _ in chosen}
            false = tuple(place for place, value in points if place not in taken and value_at(place, chosen) != value)
            return Recovered(secret, false)
    return None
