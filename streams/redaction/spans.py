"""Which spans of a text are masked when rules disagree."""

import bisect
import operator
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Self

from streams.redaction.rule import Hit, Rule

SCRAP: Final = 4
"""A shorter rest of a span that lies beside a token is left: it is the delimiter of something masked before."""

_start: Final = operator.itemgetter(0)
_end: Final = operator.itemgetter(1)


class Span(NamedTuple):
    """A span that a rule takes, the whole match around it, and the secret in its normal form."""

    start: int
    end: int
    whole_start: int
    whole_end: int
    rule: str
    kind: str
    priority: int
    owns: bool
    secret: str

    @classmethod
    def taken(cls, hit: Hit, rule: Rule, secret: str) -> Self:
        """Return what `rule` took."""
        return cls(*hit, rule.id, rule.kind, rule.priority, rule.owns, secret)

    def outside(self, origin: Sequence[tuple[int, int]]) -> Self:
        """Return the span, found in a decoded text, as a span of the text that hid it."""
        start, whole_start = origin[self.start][0], origin[self.whole_start][0]
        end, whole_end = origin[self.end - 1][1], origin[self.whole_end - 1][1]
        return self._replace(start=start, end=end, whole_start=whole_start, whole_end=whole_end)

    def earlier(self, shift: int) -> Self:
        """Return the span without the first `shift` characters of its text."""
        start, whole_start = max(0, self.start - shift), max(0, self.whole_start - shift)
        end, whole_end = self.end - shift, self.whole_end - shift
        return self._replace(start=start, end=end, whole_start=whole_start, whole_end=whole_end)

    def placed(self, start: int, end: int) -> Self:
        """Return the span at another place, with the same secret."""
        return self._replace(start=start, end=end, whole_start=start, whole_end=end)

    def cut(self, start: int, end: int, text: str) -> Self:
        """Return the span from `start` to `end` instead; a part is a secret of its own."""
        if (start, end) == (self.start, self.end):
            return self
        return self._replace(start=start, end=end, secret=text[start:end])


def settle(spans: Sequence[Span], tokens: Sequence[tuple[int, int]], text: str) -> list[Span]:
    """Return disjoint spans in order.

    The whole match of a rule that owns drops what is lower and lies in it. Where spans overlap, their union is masked
    as the longest of them, then the one with the highest priority. Tokens (disjoint, in order) are left as they are.
    """
    claims = _claims(spans)
    pieces = [piece for span in spans if not _is_claimed(span, claims) for piece in _beside(span, tokens, text)]
    settled: list[Span] = []
    for span in sorted(pieces, key=lambda piece: (piece.start, -piece.end, -piece.priority, piece.rule)):
        if settled and span.start < settled[-1].end:
            settled[-1] = _union(settled[-1], span, text)
        else:
            settled.append(span)
    return settled


def _claims(spans: Sequence[Span]) -> dict[int, list[tuple[int, int]]]:
    """Return the whole matches of rules that own, disjoint and in order, by priority."""
    claims: dict[int, list[tuple[int, int]]] = {}
    for owner in sorted((span for span in spans if span.owns), key=lambda span: span.whole_start):
        taken = claims.setdefault(owner.priority, [])
        if taken and owner.whole_start < taken[-1][1]:
            taken[-1] = (taken[-1][0], max(taken[-1][1], owner.whole_end))
        else:
            taken.append((owner.whole_start, owner.whole_end))
    return claims


def _is_claimed(span: Span, claims: Mapping[int, list[tuple[int, int]]]) -> bool:
    return any(
        priority > span.priority and start <= span.start and span.end <= end
        for priority, taken in claims.items()
        for start, end in _touching(span, taken)
    )


def _touching(span: Span, places: Sequence[tuple[int, int]]) -> Sequence[tuple[int, int]]:
    first = bisect.bisect_right(places, span.start, key=_end)
    return places[first : bisect.bisect_left(places, span.end, key=_start)]


def _union(one: Span, other: Span, text: str) -> Span:
    winner = max(one, other, key=lambda span: (span.end - span.start, span.priority, span is one))
    return winner.cut(min(one.start, other.start), max(one.end, other.end), text)


def _beside(span: Span, tokens: Sequence[tuple[int, int]], text: str) -> list[Span]:
    inside = _touching(span, tokens)
    if not inside:
        return [span]
    edges = [span.start, *(edge for token in inside for edge in token), span.end]
    rests = [(start, end) for start, end in zip(edges[::2], edges[1::2], strict=True) if end - start >= SCRAP]
    return [span.cut(start, end, text) for start, end in rests]
