"""How far apart two sequences are: in what they are made of, and in where that stands. Pure."""

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

T = TypeVar("T", bound=Hashable)
Places = Mapping[tuple[T, int], int]
"""(statement, how many lines of it came before) -> the number of its line, from 0."""


def distance(one: Mapping[T, int], other: Mapping[T, int]) -> float:
    """Return sum |x - y| / sum max(x, y) over all statements, x and y being log(1 + count): 0 to 1."""
    apart = whole = 0.0
    for statement in one.keys() | other.keys():
        x, y = math.log1p(one.get(statement, 0)), math.log1p(other.get(statement, 0))
        apart += abs(x - y)
        whole += max(x, y)
    return apart / whole if whole else 0.0


def places(lines: Sequence[T]) -> dict[tuple[T, int], int]:
    """Return where each line of a sequence of statements stands."""
    seen: Counter[T] = Counter()
    found: dict[tuple[T, int], int] = {}
    for place, statement in enumerate(lines):
        found[statement, seen[statement]] = place
        seen[statement] += 1
    return found


def moved(one: Places[T], other: Places[T]) -> float:
    """Return how far the line that moved most stands from its place, as a share of the longer sequence, 0 to 1."""
    farthest = max((abs(place - other[event]) for event, place in one.items() if event in other), default=0)
    return farthest / max(len(one) - 1, len(other) - 1, 1)
