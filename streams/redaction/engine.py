"""One pass over a chunk: search all texts together, mask, and look once more at what was masked."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from streams.redaction.checks import is_placeholder
from streams.redaction.fields import classifier
from streams.redaction.findings import Finding, Redacted, RedactedFields
from streams.redaction.mask import Mask, mask
from streams.redaction.rulebook import RuleBook
from streams.redaction.scanners import Scanner
from streams.redaction.search import Search
from streams.redaction.shadow import encodable
from streams.redaction.spans import Span, settle
from streams.redaction.tokens import Mint

ROUNDS: Final = 4
"""A token ends a word, so what stood glued to a secret may be one only then: masked texts are searched again."""


class RuleRedactor:
    """The rules of a book over a scanner; a `Redactor`."""

    def __init__(self, book: RuleBook, scanner: Scanner, mint: Mint) -> None:
        self._version: Final = book.version
        self._search: Final = Search(book.rules, scanner, book.allow)
        self._mint: Final = mint
        self._row: Final = classifier(book.fields)

    @property
    def version(self) -> str:
        """See `Redactor.version`."""
        return self._version

    def redact(self, texts: Sequence[str], names: Sequence[str] = ()) -> list[Redacted]:
        """See `Redactor.redact`."""
        changed = self.masked(texts, names)
        return [changed.get(index) or Redacted(text, ()) for index, text in enumerate(texts)]

    def masked(self, texts: Sequence[str], names: Sequence[str] = ()) -> dict[int, Redacted]:
        """See `Redactor.masked`."""
        ascii_only = "".join(texts).isascii()  # most chunks are, and then no text needs a look of its own
        clean = list(texts) if ascii_only else [encodable(text) for text in texts]
        found: dict[int, list[Span]] = defaultdict(list)
        masks: dict[int, Mask] = {}
        searched = dict(enumerate(clean))
        for _ in range(ROUNDS):
            new = self._find(searched, names)
            for index, spans in new.items():
                found[index] += masks[index].before(spans) if index in masks else spans
                masks[index] = mask(clean[index], found[index], self._mint)
            searched = {index: masks[index].text for index in new}
            if not searched:
                break
        results: dict[int, Redacted] = {}
        if not ascii_only:
            results = {index: Redacted(text, ()) for index, text in enumerate(clean) if text is not texts[index]}
        for index, masked in masks.items():
            findings = tuple(Finding(span.rule, span.kind, span.start, span.end) for span in masked.spans)
            results[index] = Redacted(masked.text, findings)
        return results

    def redact_fields(self, fields: Mapping[str, str]) -> RedactedFields:
        """See `Redactor.redact_fields`."""
        keys = list(fields)
        results = self.redact([*keys, *fields.values()], [*[""] * len(keys), *keys])
        texts = [result.text for result in results]
        kinds = Counter(finding.kind for result in results for finding in result.findings)
        return RedactedFields(dict(zip(texts[: len(keys)], texts[len(keys) :], strict=True)), dict(kinds))

    def _find(self, texts: Mapping[int, str], names: Sequence[str]) -> dict[int, list[Span]]:
        indices, scanned = list(texts), list(texts.values())
        named = {n: names[index] for n, index in enumerate(indices) if names[index]} if names else {}
        for number, name in named.items():
            scanned[number] = f"{name}={scanned[number]}"
        spans = self._search.spans(scanned)
        for number, name in named.items():
            shift = len(name) + 1
            spans[number] = [span.earlier(shift) for span in spans.get(number, ()) if span.end > shift]
            spans[number] += self._whole(name, texts[indices[number]])
        settled: dict[int, list[Span]] = {}
        for number, taken in spans.items():
            text = texts[indices[number]]
            if kept := settle(taken, self._mint.spans(text), text):
                settled[indices[number]] = kept
        return settled

    def _whole(self, name: str, text: str) -> list[Span]:
        row = self._row(name)
        value = text.strip()
        if row is None or len(value) < row.shortest or value.lower() in row.stop or is_placeholder(value):
            return []
        start = text.index(value)
        end = start + len(value)
        return [Span(start, end, start, end, row.id, row.kind, -1, owns=False, secret=value)]
