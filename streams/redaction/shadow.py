r"""The copy that is scanned: one byte for each character, so that an offset means the same in both.

Full-width forms become ASCII; any other letter or digit is 0x80, any other character 0x81, an invisible one 0x82.
Texts are joined by a newline. RE2 and Hyperscan read it as Latin-1, so `.`, `\b` and classes mean the same to both.
"""

import bisect
import functools
import itertools
import re
import unicodedata
from collections.abc import Sequence
from typing import Final, Self

LETTER: Final = "\x80"
SYMBOL: Final = "\x81"
INVISIBLE: Final = "\x82"

# Format characters, dashes and opening and closing quotes, by Unicode category.
_AS_ASCII: Final = {"Cf": INVISIBLE, "Pd": "-", "Pi": '"', "Pf": '"'}
_NOT_ASCII: Final = re.compile(r"[^\x00-\x7f]+")
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
_COLOUR: Final = re.compile(rb"\x1b\[[0-9;]{0,16}[A-Za-z]")
_CONTROLS: Final = bytes(32 if byte < 32 and byte not in b"\n\t\r\x1b" else byte for byte in range(256))  # noqa: PLR2004 - C0


class Buffer:
    """Scanning copies of many texts in one."""

    __slots__ = ("data", "starts")

    def __init__(self, data: bytes, starts: Sequence[int]) -> None:
        self.data: Final = data
        self.starts: Final = starts

    @classmethod
    def of(cls, texts: Sequence[str]) -> Self:
        """Return the copies of `texts`."""
        return cls(shadow("\n".join(texts)), _starts(texts))

    @classmethod
    def joined(cls, copies: Sequence[bytes]) -> Self:
        """Return copies that were made before."""
        return cls(b"\n".join(copies), _starts(copies))

    def owner(self, offset: int) -> int:
        """Return the index of the text in which a byte of the buffer lies; a separator ends its text."""
        return bisect.bisect_right(self.starts, offset) - 1

    def text(self, index: int) -> bytes:
        """Return the copy of one text."""
        return self.data[self.starts[index] : self.starts[index + 1] - 1]


def shadow(joined: str) -> bytes:
    """Return the copy of `joined`, of the same length.

    Escapes of line breaks and tabs, and terminal colours, become spaces: what follows them begins a word.
    """
    folded = joined if joined.isascii() else _NOT_ASCII.sub(_fold_run, joined)
    data = folded.encode("latin-1").translate(_CONTROLS)
    if b"\\" in data:
        data = data.replace(rb"\n", b"  ").replace(rb"\r", b"  ").replace(rb"\t", b"  ")
    if b"\x1b" in data:
        data = _COLOUR.sub(lambda match: b" " * len(match[0]), data)
    return data


def _starts(texts: Sequence[str] | Sequence[bytes]) -> list[int]:
    return list(itertools.accumulate([len(text) + 1 for text in texts], initial=0))


def encodable(text: str) -> str:
    """Return `text` without lone surrogates, which no UTF-8 can hold; the same object where there are none."""
    return text if text.isascii() or not _SURROGATE.search(text) else _SURROGATE.sub("\ufffd", text)


def _fold_run(match: re.Match[str]) -> str:
    return "".join(map(_fold, match[0]))


@functools.lru_cache(maxsize=65536)
def _fold(character: str) -> str:
    category = unicodedata.category(character)
    if category in _AS_ASCII:
        return _AS_ASCII[category]
    plain = unicodedata.normalize("NFKC", character)
    if len(plain) == 1 and plain.isascii():
        return plain
    return LETTER if character.isalnum() else SYMBOL
