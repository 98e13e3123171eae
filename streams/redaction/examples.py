"""How examples of secrets are written in a rule file so that no file here looks as if it held one.

`{hex:32}` stands for 32 characters of a fixed sequence over an alphabet, `{}` for nothing (it cuts a prefix in two);
`«` `»` stand around the part that must be masked where it is not the whole of what the pattern takes.
"""

import hashlib
import re
import string
from typing import Final, NamedTuple

ALPHABETS: Final = {
    "alnum": string.ascii_letters + string.digits,
    "alpha": string.ascii_letters,
    "lower": string.ascii_lowercase + string.digits,
    "upper": string.ascii_uppercase + string.digits,
    "small": string.ascii_lowercase,
    "caps": string.ascii_uppercase,
    "digit": string.digits,
    "hex": "0123456789abcdef",
    "HEX": "0123456789ABCDEF",
    "b32": string.ascii_uppercase + "234567",
    "b64": string.ascii_letters + string.digits + "+/",
    "bech": "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
    "url": string.ascii_letters + string.digits + "-_",
}
_PLACE: Final = re.compile(r"\{(\w+):(\d{1,4})\}|\{\}")
_MARKED: Final = re.compile("«([^»]*)»")


class Example(NamedTuple):
    """An example as a text, and the part that must be masked (None: whatever the rule takes)."""

    text: str
    masked: str | None


def expand(written: str) -> Example:
    """Return the example that was written; raises KeyError with the name of an unknown alphabet."""
    text = _PLACE.sub(_body, written)
    marked = _MARKED.search(text)
    return Example(text.replace("«", "").replace("»", ""), marked[1] if marked else None)


def _body(match: re.Match[str]) -> str:
    if match[1] is None:
        return ""
    alphabet, length = ALPHABETS[match[1]], int(match[2])
    stream = hashlib.shake_128(f"{match[0]}{match.start()}".encode()).digest(length)
    return "".join(alphabet[byte % len(alphabet)] for byte in stream)
