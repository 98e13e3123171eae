"""Text with its variable parts taken out: the cheap key of a line, and the masked text that the key stands for."""

import re
from typing import Final

WILDCARD: Final = "<*>"
MAX_TOKENS: Final = 256
"""Tokens of a masked text; what follows in a longer line does not decide its template."""
_MAX_TOKEN: Final = 200
_MAX_MEMO: Final = 50_000
_COMPOUND: Final = 3
"""A token with so many numbers and only scraps of letters between them is an identifier: R02-M1-N0-C:J12-U11."""

ZEROS: Final = bytes.maketrans(b"0123456789\t\r\n", b"0000000000   ")

_REDACTED: Final = re.compile(r"<([A-Za-z][A-Za-z0-9_-]{0,40}):[0-9A-Za-z]{1,64}>")
_CALENDAR: Final = re.compile(
    r"(?<![A-Za-z])(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)(?![A-Za-z])"
)
# Digits arrive as zeros, so a digit class is a literal 0 here; the order is that of decreasing structure.
_VARIABLE: Final = re.compile(
    r"""
      [0a-fA-F]{1,8}(?:-[0a-fA-F]{1,12}){4}(?![0A-Za-z])            # UUID
    | 0[xX][0a-fA-F]+
    | (?<![0A-Za-z])(?:[0a-fA-F]{1,4}:){3,}[0a-fA-F:]*(?![A-Za-z])  # IPv6, MAC, clock times
    | (?<![0A-Za-z])(?=[a-fA-F]*0)[0a-fA-F]{2,}(?![0A-Za-z])        # hexadecimal with a digit in it
    | (?<![0A-Za-z])(?=[A-Za-z_+-]*0)(?=[0A-Z_+-]*[a-z])(?=[0a-z_+-]*[A-Z])[0A-Za-z_+-]{16,}={0,2}
    | (?<![0A-Za-z])[+-]?0+(?:[.,:/T-]+0+)*Z?
    | 0+
    """,
    re.VERBOSE,
)
_PATH: Final = re.compile(r"(?:(?<=[^0A-Za-z>])|^)(?:[A-Za-z]:)?[/\\](?=[^\s,;:=()\[\]\"']*0)[^\s,;:=()\[\]\"']+")
_RUN: Final = re.compile(r"<\*>(?:[.,:/_-]?<\*>)+")
_WORD: Final = re.compile(r"[A-Za-z]{3}")
_LIST: Final = re.compile(r"(?<![^ ])<\*>(?: <\*>)+(?![^ ])")


def line_key(message: str) -> bytes:
    """Return the cheap key of a line: UTF-8 with every run of digits as one 0. The masked text depends on it alone."""
    return short(zeroed(message))


def zeroed(message: str) -> bytes:
    """Return a line in UTF-8 with every digit as a 0; cheaper than its key, and tells nearly as few lines apart."""
    return message.encode("utf-8", "replace").translate(ZEROS)


def short(zeros: bytes) -> bytes:
    """Return the key of a zeroed line."""
    return zeros.replace(b"0000", b"0").replace(b"000", b"0").replace(b"00", b"0").replace(b"00", b"0")


class _Tokens(dict[str, str]):
    """Token (digits as zeros) -> masked token, bounded."""

    def __missing__(self, token: str) -> str:
        if len(self) >= _MAX_MEMO:
            self.clear()
        masked = self[token] = mask_token(token)
        return masked


def mask_token(token: str) -> str:
    """Return a token whose digits are zeros with its variable parts as `<*>` and redaction marks as `<kind>`."""
    token = token[:_MAX_TOKEN]
    if "<" in token:
        token = _REDACTED.sub(lambda match: f"<{match[1].replace('0', '')}>", token)
    if "0" in token:
        token = _PATH.sub(WILDCARD, token)
        token = _VARIABLE.sub(WILDCARD, token)
        token = _RUN.sub(WILDCARD, token)
        if token.count(WILDCARD) >= _COMPOUND and not _WORD.search(token):
            return WILDCARD
    return _CALENDAR.sub(WILDCARD, token)


class Masker:
    """Masks line keys; remembers tokens, so a new line made of known words costs a few dictionary look-ups."""

    def __init__(self) -> None:
        self._tokens = _Tokens()

    def mask(self, key: bytes) -> str:
        """Return the masked text of a line key: tokens separated by single spaces, a list of variables as one `<*>`."""
        tokens = key.decode("utf-8", "replace").split(None, MAX_TOKENS)
        return _LIST.sub(WILDCARD, " ".join(map(self._tokens.__getitem__, tokens[:MAX_TOKENS])))
