"""Finds what the rules take in many texts: one scan for candidates, then a closer look, then at what a text hides."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from streams.redaction.decode import hidden, texts_that_hide
from streams.redaction.rule import Rule, compile_pattern
from streams.redaction.rulefile import Allow
from streams.redaction.scanners import Scanner
from streams.redaction.shadow import Buffer
from streams.redaction.spans import Span


class Search:
    """Rules over a scanner, less what the operator allows."""

    def __init__(self, rules: Sequence[Rule], scanner: Scanner, allow: Allow) -> None:
        self._rules: Final = rules
        self._scanner: Final = scanner
        self._allowed: Final = frozenset(allow.values)
        self._allow: Final = [compile_pattern(pattern) for pattern in allow.patterns]

    def spans(self, texts: Sequence[str]) -> dict[int, list[Span]]:
        """Return what is taken in each text by its index; spans may overlap."""
        found: dict[int, list[Span]] = defaultdict(list)
        buffer = Buffer.of(texts)
        for index, span in self._look_closer(buffer):
            if span.secret.isascii():
                found[index].append(span)
            else:
                own = unicodedata.normalize("NFKC", texts[index][span.start : span.end])
                found[index].append(span._replace(secret=own))
        hiding = dict.fromkeys(map(buffer.owner, texts_that_hide(buffer.data)))
        decoded = [source for index in hiding for source in hidden(index, buffer.text(index))]
        if decoded:
            for number, span in self._look_closer(Buffer.joined([source.data for source in decoded])):
                source = decoded[number]
                found[source.owner].append(span.outside(source.origin))
        return found

    def _look_closer(self, buffer: Buffer) -> Iterator[tuple[int, Span]]:
        rules_of: dict[int, list[int]] = defaultdict(list)
        for index, number in self._scanner.candidates(buffer):
            rules_of[index].append(number)
        for index, numbers in rules_of.items():
            data = buffer.text(index)
            lowered = data.lower()
            for rule in map(self._rules.__getitem__, sorted(numbers)):
                if not rule.applies(data, lowered):
                    continue
                for hit in rule.hits(data):
                    value = data[hit.start : hit.end].decode("latin-1")
                    if not self._is_allowed(value):
                        yield index, Span.taken(hit, rule, rule.normal(value))

    def _is_allowed(self, value: str) -> bool:
        return value in self._allowed or any(pattern.fullmatch(value.encode("latin-1")) for pattern in self._allow)
