"""Bytes to text, and the places where long text is cut."""

import string
from typing import Final

BOM: Final = b"\xef\xbb\xbf"
_ESCAPES: Final = {0xDC00 + byte: f"\\\\x{byte:02x}" for byte in range(0x80, 0x100)}
"""What `surrogateescape` makes of a byte -> that byte as JSON text of an escape."""
_TOKEN: Final = string.ascii_letters + string.digits + "+/=_.~%-"
_LONGEST_TOKEN: Final = 512


def read(data: bytes) -> tuple[str, tuple[str, ...]]:
    """Return `data` as text with its flags; bytes that are not UTF-8 are written as escapes: Latin-1 is common."""
    data = data.removeprefix(BOM)
    try:
        return data.decode(), ()
    except UnicodeDecodeError:
        return data.decode("utf-8", "backslashreplace"), ("not_utf8",)


def mend_json(data: bytes) -> bytes | None:
    """Return JSON with the bytes in its strings that are not UTF-8 written as escapes, or None where all are."""
    text = data.decode("utf-8", "surrogateescape")
    mended = text.translate(_ESCAPES)
    return mended.encode() if len(mended) != len(text) else None


def cut(text: str, limit: int) -> str:
    """Return at most `limit` UTF-8 bytes of `text`, without the token that the cut would halve.

    Half a credential is no longer known for one by the rules that mask it.
    """
    if len(text) * 4 <= limit:
        return text
    data = text[: limit + 1].encode("utf-8", "surrogatepass")
    if len(data) <= limit:
        return text
    return without_last_token(data[:limit].decode("utf-8", "ignore"))


def without_last_token(text: str) -> str:
    """Return `text`, which was cut at its end, without the token that the cut may have halved."""
    short = text.rstrip(_TOKEN)
    return short if short and len(text) - len(short) <= _LONGEST_TOKEN else text
