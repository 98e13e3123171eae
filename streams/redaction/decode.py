r"""Texts that a text hides: decoded once, with the way back to where each character came from.

Percent and `\u00` escapes and invisible characters are resolved in place; a run of base64 that holds readable text is
a text of its own. What is found in either is masked in the original, as the whole escape or the whole run.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from streams.redaction.rule import compile_pattern
from streams.redaction.shadow import shadow

LONGEST: Final = 65_536
"""Characters of a text that are decoded; a longer one is scanned as it stands beyond them."""

_LETTER: Final = 0x80
"""What any character beyond ASCII is taken for, here from its escape."""

RUNS: Final = 16
"""Base64 runs of one text that are decoded."""

# Four characters of base64 stand for three bytes; those of printable ASCII leave few choices for the first three.
_READABLE: Final = "(?:[I-Za-f][C-HS-Xi-nyz0-3][AEIMQUYcgkosw048BFJNRVZdhlptx159][A-Za-z0-9+/_-]){6}"
_HIDES: Final = compile_pattern(rf"(?:%[2-7][0-9A-Fa-f]|\\u[0-9A-Fa-f]{{4}}|\x82|{_READABLE}).*")
_ESCAPE: Final = re.compile(rb"%([0-9A-Fa-f]{2})|\\u([0-9A-Fa-f]{4})|\x82")
_SEED: Final = re.compile(_READABLE.encode())
_RUN: Final = re.compile(rb"[A-Za-z0-9+/_-]{24,}={0,2}")


class Hidden(NamedTuple):
    """A decoded text in scanning form; character n came from `origin[n]` as `origin[n]`, a span of text `owner`."""

    owner: int
    data: bytes
    origin: Sequence[tuple[int, int]]


def texts_that_hide(data: bytes) -> Iterator[int]:
    """Yield offsets into the joined copy, one for each line that holds something to decode."""
    for match in _HIDES.finditer(data):
        yield match.start()


def hidden(index: int, data: bytes) -> Iterator[Hidden]:
    """Yield what one text hides."""
    data = data[:LONGEST]
    if _ESCAPE.search(data):
        yield _unescaped(index, data)
    for number, run in enumerate(_RUN.finditer(data)):
        if number == RUNS:
            return
        if seed := _SEED.search(run[0]):
            yield from _debased(index, run, seed.start() % 4)


def _unescaped(index: int, data: bytes) -> Hidden:
    out = bytearray()
    origin: list[tuple[int, int]] = []
    position = 0
    for match in _ESCAPE.finditer(data):
        out += data[position : match.start()]
        origin += ((n, n + 1) for n in range(position, match.start()))
        digits = match[1] or match[2]
        if digits:
            out.append(min(int(digits, 16), _LETTER))
            origin.append(match.span())
        position = match.end()
    out += data[position:]
    origin += ((n, n + 1) for n in range(position, len(data)))
    return Hidden(index, bytes(out), origin)


def _debased(index: int, run: re.Match[bytes], skipped: int) -> Iterator[Hidden]:
    body = run[0][skipped:].rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
    try:
        plain = base64.b64decode(body[: len(body) - (len(body) % 4 == 1)] + b"==", validate=False)
    except binascii.Error:
        return
    data = shadow(plain.decode("utf-8", "replace"))
    yield Hidden(index, data, [run.span()] * len(data))
