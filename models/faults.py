"""Faults of order put into normal sequences: by them training chooses what normal data alone cannot tell it."""

from collections.abc import Callable
from typing import Final

import numpy as np

Templates = tuple[int, ...]
Fault = Callable[[Templates, np.random.Generator], Templates]

_SPAN: Final = 8


def moved(templates: Templates, rng: np.random.Generator) -> Templates:
    """Move one line to a place at least a third of the sequence, or seven lines, away."""
    length = len(templates)
    least = max(2, min(7, length // 3))
    source = int(rng.integers(length))
    places = [i for i in range(length) if abs(i - source) >= least]
    if not places:
        return templates
    rest = list(templates)
    line = rest.pop(source)
    rest.insert(places[int(rng.integers(len(places)))], line)
    return tuple(rest)


def reversed_run(templates: Templates, rng: np.random.Generator) -> Templates:
    """Reverse a run of up to eight lines."""
    span = min(_SPAN, len(templates))
    first = int(rng.integers(len(templates) - span + 1))
    return (*templates[:first], *templates[first : first + span][::-1], *templates[first + span :])


ORDER: Final[dict[str, Fault]] = {"moved": moved, "reversed": reversed_run}
"""Faults that leave the counts as they are, and reach farther than threads interleave."""
