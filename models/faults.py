"""Faults put into normal sequences on purpose: by them training chooses what normal data alone cannot tell it."""

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


def swapped(templates: Templates, rng: np.random.Generator) -> Templates:
    """Swap two neighbouring lines that differ, where there are any."""
    places = [i for i in range(len(templates) - 1) if templates[i] != templates[i + 1]]
    if not places:
        return templates
    i = places[int(rng.integers(len(places)))]
    return (*templates[:i], templates[i + 1], templates[i], *templates[i + 2 :])


def repeated(templates: Templates, rng: np.random.Generator) -> Templates:
    """Repeat one line five times."""
    i = int(rng.integers(len(templates)))
    return (*templates[:i], *(templates[i : i + 1] * 5), *templates[i:])


def dropped(templates: Templates, rng: np.random.Generator) -> Templates:
    """Drop up to three lines, fewer of a short sequence."""
    gone = set(rng.choice(len(templates), min(3, max(1, len(templates) // 5)), replace=False).tolist())
    return tuple(t for i, t in enumerate(templates) if i not in gone)


def cut_short(templates: Templates, rng: np.random.Generator) -> Templates:
    """Cut the last third or more."""
    return templates[: max(1, int(len(templates) * rng.uniform(0.3, 0.67)))]


ORDER: Final[dict[str, Fault]] = {"moved": moved, "reversed": reversed_run, "swapped": swapped}
"""Faults that leave the counts as they are."""
COUNT: Final[dict[str, Fault]] = {"repeated": repeated, "dropped": dropped, "cut short": cut_short}
