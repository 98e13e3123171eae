"""One rule, ready to match: keyword, pattern, then what makes it precise."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import re2

Check = Callable[[str], bool]
Normal = Callable[[str], str]


class Hit(NamedTuple):
    """A span that a rule takes in the scanned copy, and the span of the whole match around it."""

    start: int
    end: int
    whole_start: int
    whole_end: int


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern with its guards. `keywords` are lower case; any one of them, or the gate, must be in the text."""

    id: str
    kind: str
    keywords: tuple[bytes, ...]
    gate: str
    pattern: str
    regex: Any
    gate_regex: Any
    groups: range
    checks: tuple[Check, ...]
    stop: frozenset[str]
    unless: tuple[bytes, ...]
    normal: Normal
    priority: int
    owns: bool

    def applies(self, data: bytes, lowered: bytes) -> bool:
        """Tell whether a text can hold a match at all; both engines ask, so that both find the same."""
        if self.gate_regex is not None:
            return self.gate_regex.search(data) is not None
        return any(keyword in lowered for keyword in self.keywords)

    def hits(self, data: bytes) -> Iterator[Hit]:
        """Yield what the rule takes in one text, left to right."""
        return (hit for hit in self._matched(data) if self._takes(data, hit))

    def refused(self, data: bytes) -> Iterator[Hit]:
        """Yield what the pattern matches in one text and the guards do not accept."""
        return (hit for hit in self._matched(data) if not self._takes(data, hit))

    def _matched(self, data: bytes) -> Iterator[Hit]:
        position = 0
        while (match := self.regex.search(data, position)) is not None:
            whole = match.span()
            groups = map(match.span, self.groups)
            start, end = next((span for span in groups if span[0] >= 0), whole)
            if start < end:
                yield Hit(start, end, *whole)
            # The end of what was taken, not of the match: the delimiter may begin the next one.
            position = max(end, position + 1)

    def _takes(self, data: bytes, hit: Hit) -> bool:
        return self.holds(data[hit.whole_start : hit.start].lower(), data[hit.start : hit.end].decode("latin-1"))

    def holds(self, before: bytes, value: str) -> bool:
        """Tell whether the guards accept what the pattern took, and what stands before it in the match."""
        if value.lower() in self.stop or any(word in before for word in self.unless):
            return False
        return all(check(value) for check in self.checks)


def compile_pattern(pattern: str) -> Any:
    """Return the RE2 program of a pattern, which reads bytes; raises re2.error."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.log_errors = False
    return re2.compile(b"(?m)" + pattern.encode("latin-1"), options)
