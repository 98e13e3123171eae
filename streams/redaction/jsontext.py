"""A text that was JSON is JSON after masking: spans are kept within strings and numbers."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Final

from streams.redaction.spans import Span

_ELEMENT: Final = re.compile(r'"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*')
_ESCAPE: Final = re.compile(r"\\(?:u[0-9a-fA-F]{4}|.)")


def is_json(text: str) -> bool:
    """Tell whether `text` is a JSON array or object."""
    if text.lstrip()[:1] not in {"{", "["}:
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def within_elements(text: str, spans: Sequence[Span]) -> Iterator[tuple[Span, bool]]:
    """Yield the parts of `spans` (disjoint, in order) that lie in strings and numbers, and whether in a number.

    A number is taken whole, and so is an escape: what is left between the parts are quotes, colons and commas.
    """
    first = 0
    for element in _ELEMENT.finditer(text):
        number = text[element.start()] != '"'
        low, high = (element.start(), element.end()) if number else (element.start() + 1, element.end() - 1)
        while first < len(spans) and spans[first].end <= low:
            first += 1
        inside = [span for span in _until(spans, first, high) if span.end > low]
        if number and inside:
            yield inside[0].cut(low, high, text), True
        elif inside:
            escapes = [match.span() for match in _ESCAPE.finditer(text, low, high)]
            for span in inside:
                start, end = _whole_escapes(max(span.start, low), min(span.end, high), escapes)
                low = end
                if start < end:
                    yield span.cut(start, end, text), False


def _until(spans: Sequence[Span], first: int, end: int) -> Iterator[Span]:
    while first < len(spans) and spans[first].start < end:
        yield spans[first]
        first += 1


def _whole_escapes(start: int, end: int, escapes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    for first, last in escapes:
        if first < start < last:
            start = first
        if first < end < last:
            end = last
    return start, end
