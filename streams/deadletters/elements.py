"""Pure: which elements of a record that carries a batch, as text: `1,3-7`."""

import re
from collections.abc import Iterable
from typing import Final

from streams.shippers.record import MAX_BATCH

LONGEST: Final = 65_536
"""Characters that are read; the elements of the longest batch take half of them."""
_RANGE: Final = re.compile(r"([0-9]{1,6})(?:-([0-9]{1,6}))?")


def to_text(elements: Iterable[int]) -> str:
    """Return `elements` in ascending order, neighbours as a range."""
    ranges: list[list[int]] = []
    for element in sorted(set(elements)):
        if ranges and element == ranges[-1][1] + 1:
            ranges[-1][1] = element
        else:
            ranges.append([element, element])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


def from_text(text: str) -> frozenset[int] | None:
    """Return the elements that `text` names, None where it names none that a batch can have."""
    if len(text) > LONGEST:
        return None
    found: set[int] = set()
    for part in text.split(","):
        match = _RANGE.fullmatch(part)
        if match is None:
            return None
        first, last = int(match[1]), int(match[2] or match[1])
        if not first <= last <= MAX_BATCH:
            return None
        found.update(range(first, last + 1))
    return frozenset(found)
