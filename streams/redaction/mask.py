"""Puts tokens in the place of spans, and finds the way back from the masked text."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from streams.redaction.jsontext import is_json, within_elements
from streams.redaction.spans import Span, settle
from streams.redaction.tokens import Mint


class Mask(NamedTuple):
    """A text with tokens, the spans that they replaced, in order, and the tokens as written."""

    text: str
    spans: Sequence[Span]
    tokens: Sequence[str]

    def before(self, spans: Iterable[Span]) -> list[Span]:
        """Return spans of the masked text, which touch no token, as spans of the text before."""
        edges: list[tuple[int, int, int, int]] = []
        shift = 0
        for span, token in zip(self.spans, self.tokens, strict=True):
            start = span.start + shift
            edges.append((start, start + len(token), span.start, span.end))
            shift += len(token) - (span.end - span.start)
        moved = ((span, _before(span.start, edges, 3), _before(span.end, edges, 2)) for span in spans)
        return [span.placed(start, end) for span, start, end in moved if start < end]


def mask(text: str, spans: Sequence[Span], mint: Mint) -> Mask:
    """Return `text` with a token for each span after overlaps are settled; JSON stays JSON."""
    settled = settle(spans, mint.spans(text), text)
    tokens = [mint.token(span.kind, span.secret) for span in settled]
    masked = _render(text, settled, tokens)
    if is_json(text) and not is_json(masked):
        parts = list(within_elements(text, settled))
        settled = [span for span, _ in parts]
        tokens = [mint.token(span.kind, span.secret) for span in settled]
        tokens = [f'"{token}"' if number else token for token, (_, number) in zip(tokens, parts, strict=True)]
        masked = _render(text, settled, tokens)
    return Mask(masked, settled, tokens)


def _render(text: str, spans: Sequence[Span], tokens: Sequence[str]) -> str:
    if not spans:
        return text
    parts: list[str] = []
    position = 0
    for span, token in zip(spans, tokens, strict=True):
        parts += (text[position : span.start], token)
        position = span.end
    return "".join((*parts, text[position:]))


def _before(offset: int, edges: Sequence[tuple[int, int, int, int]], within: int) -> int:
    shift = 0
    for edge in edges:
        start, end, _, old_end = edge
        if offset <= start:
            break
        if offset < end:
            return edge[within]
        shift = old_end - end
    return offset + shift
