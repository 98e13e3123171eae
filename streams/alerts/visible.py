"""Log text made harmless for eyes and terminals: nothing in it moves the cursor, colours, hides or turns around."""

import unicodedata
from typing import Final

ESCAPED: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Controls, formats (bidirectional and zero-width marks among them), surrogates, private, unassigned, line breaks."""
MARKS: Final = 3
"""Combining marks on one character; more of them paint over the lines above."""


def visible(text: str, limit: int = 2000) -> str:
    r"""Return `text` in one line of at most `limit` characters before escaping, the cut marked with its size.

    Characters of the categories above become `\xNN`, `\uNNNN` or `\UNNNNNNNN`; a tab becomes a space.
    """
    shown = "".join(_escaped(text[:limit]))
    return shown if len(text) <= limit else f"{shown}… (+{len(text) - limit:,} characters)"


def _escaped(text: str) -> list[str]:
    pieces: list[str] = []
    marks = 0
    for character in text:
        if " " <= character <= "~":
            marks = 0
            pieces.append(character)
            continue
        category = unicodedata.category(character)
        marks = marks + 1 if category in {"Mn", "Me"} else 0
        if character == "\t":
            pieces.append(" ")
        elif category in ESCAPED or marks > MARKS:
            pieces.append(_code(ord(character)))
        else:
            pieces.append(character)
    return pieces


def _code(point: int) -> str:
    if point <= 0xFF:  # noqa: PLR2004 - the width of the escape
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point <= 0xFFFF else f"\\U{point:08x}"  # noqa: PLR2004
