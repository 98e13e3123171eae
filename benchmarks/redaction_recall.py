"""How much of what is planted the sanitizer masks, kind by kind, and what it masks of what is harmless."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

import msgspec

from benchmarks.planting.corpus import Planted
from benchmarks.planting.negatives import Negative
from benchmarks.planting.survivors import survives
from deepsentry import topics
from deepsentry.events import CleanEntry
from streams.redaction import Redactor
from streams.sanitizing.sanitize import Located, Sanitizer
from streams.shippers import Record

CHUNK = 1000


class OfKind(msgspec.Struct, frozen=True):
    """What became of a kind's values."""

    kind: str
    group: str
    planted: int
    masked: int
    missed_in: dict[str, int]
    """Sentence -> values that are still to be read."""

    @property
    def recall(self) -> float:
        """Share of the values that were masked."""
        return self.masked / self.planted


class FalseMask(msgspec.Struct, frozen=True):
    """A rule that masked something in a harmless line, which is quoted: it holds no secret."""

    where: str
    rule: str
    line: str


def recall(corpus: Iterable[Planted], sanitizer: Sanitizer) -> list[OfKind]:
    """Return the kinds in the order of the corpus. A value is masked where its entry holds it nowhere."""
    planted: Counter[tuple[str, str]] = Counter()
    missed: dict[tuple[str, str], Counter[str]] = {}
    iterator = iter(corpus)
    while chunk := list(islice(iterator, CHUNK)):
        for each, entry in zip(chunk, _sanitized(chunk, sanitizer), strict=True):
            kind = (each.kind, each.group)
            planted[kind] += 1
            if survives(each.hidden, _all(entry)):
                missed.setdefault(kind, Counter())[each.shape] += 1
    return [
        OfKind(*kind, count, count - missed[kind].total(), dict(missed[kind]))
        if kind in missed
        else OfKind(*kind, count, count, {})
        for kind, count in planted.items()
    ]


def _sanitized(chunk: list[Planted], sanitizer: Sanitizer) -> list[CleanEntry]:
    located = [
        Located(Record(p.record.value, p.record.key, tuple(p.record.headers), 0.0, topics.RAW.name), 0, offset)
        for offset, p in enumerate(chunk)
    ]
    return sanitizer.sanitize(located).clean


def _all(entry: CleanEntry) -> str:
    return "\n".join(
        (
            entry.message,
            entry.host,
            entry.service,
            entry.sequence,
            entry.trace,
            *entry.attributes,
            *entry.attributes.values(),
        )
    )


class Masks(NamedTuple):
    """How many lines were looked at, and what was masked in them."""

    lines: int
    found: list[FalseMask]


def harmless(lines: Iterable[Negative], redactor: Redactor) -> Masks:
    """Return what a redactor masks in lines that hold no secret."""
    told = list(lines)
    return Masks(len(told), list(_masks([line.kind for line in told], [line.text for line in told], redactor)))


def _masks(names: list[str], texts: list[str], redactor: Redactor) -> Iterator[FalseMask]:
    for name, text, result in zip(names, texts, redactor.redact(texts), strict=True):
        for finding in result.findings:
            yield FalseMask(name, finding.rule, text)


def in_clean(logs: dict[str, list[str]], redactor: Redactor) -> Masks:
    """Return what a redactor masks in real logs, by file."""
    found = [
        mask
        for name, lines in logs.items()
        for mask in _masks([f"{name}:{number}" for number in range(1, len(lines) + 1)], lines, redactor)
    ]
    return Masks(sum(map(len, logs.values())), found)
