"""What makes a rule precise beyond its pattern: checksums and forms, each from its public definition. All are pure."""

import base64
import binascii
import ipaddress
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

from streams.redaction import coins, european, money, national

_PLACEHOLDER: Final = re.compile(
    r"(?i)[*x.•#?_-]+|[<\[({][\w .:*-]{0,40}[>\])}]|\{\{.{0,64}\}\}"
    r"|\$[{(][\w.:-]{0,64}[)}]?|(?-i:\$(?:[A-Z_][A-Z0-9_]{0,63}|[a-z_]{1,64}|[0-9])?)"
    r"|%[a-z_]{2,32}%|%\(\w{1,32}\)s|%[sdv]"
    r"|\[?\(?(?:redacted|masked|hidden|filtered|removed|sanitized|protected|secret)\)?\]?"
)
_PATH: Final = re.compile(r"[.~]{0,2}(?:/[\w.~-]{0,32})+$|[A-Za-z]:[\\/]|[a-z][a-z0-9-]*/[a-z][a-z0-9.-]*$")
_UNSPELLED: Final = re.compile(r"(?i:[bcdfghj-np-tv-xz]{5})|(?<=.)(?:[A-Z](?![a-z]{2})|[a-z][A-Z][A-Z])")
_RARE: Final = frozenset("jkqvwxz")
_PHONE_DIGITS: Final = range(7, 16)
_NAMED: Final = re.compile(
    r"(?:0x[0-9A-Fa-f]+|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.Z+]+)$"
    r"|[A-Za-z]+\.[A-Za-z]+\."
)


def entropy(floor: float, value: str) -> bool:
    """Tell whether `value` has at least `floor` bits a character (Shannon, over its own characters)."""
    length = len(value)
    return length > 0 and -sum(n / length * math.log2(n / length) for n in Counter(value).values()) >= floor


def is_placeholder(value: str) -> bool:
    """Tell whether `value` stands for a secret and is none: `****`, `${TOKEN}`, `[FILTERED]`, `<password>`."""
    return _PLACEHOLDER.fullmatch(value) is not None


def is_secret(value: str) -> bool:
    """Tell whether `value` is no placeholder."""
    return not is_placeholder(value)


def has_digit(value: str) -> bool:
    """Tell whether `value` holds a digit."""
    return any(character.isdigit() for character in value)


def is_random(value: str) -> bool:
    """Tell whether `value` has a digit, or a quarter each of small and capital letters; names and constants do not."""
    quarter = len(value) / 4
    return has_digit(value) or (sum(map(str.isupper, value)) >= quarter <= sum(map(str.islower, value)))


def is_no_word(value: str) -> bool:
    """Tell whether `value` is random, or spells no words: five consonants in a row, odd capitals, rare letters."""
    rare = sum(character in _RARE for character in value.lower())
    return is_random(value) or _UNSPELLED.search(value) is not None or rare * 5 >= len(value)


def is_mixed(value: str) -> bool:
    """Tell whether `value` is random and has letters, and is no UUID, hexadecimal number, dotted name or time."""
    return is_random(value) and any(map(str.isalpha, value)) and not _NAMED.match(value)


def is_no_path(value: str) -> bool:
    """Tell whether `value` is no path of a file and no name within another: `PWD=/srv/app`, `secret: shop/db`."""
    return not _PATH.match(value)


def is_jwt(value: str) -> bool:
    """Tell whether the first part is a JOSE header, a JSON object that names `alg` (RFC 7515, section 4)."""
    header = value.partition(".")[0]
    try:
        decoded = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))
    except (ValueError, RecursionError, binascii.Error):
        return False
    return isinstance(decoded, dict) and "alg" in decoded


def is_basic(value: str) -> bool:
    """Tell whether `value` is base64 of `user:password` (RFC 7617)."""
    try:
        return b":" in base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except (ValueError, binascii.Error):
        return False


def is_ipv6(value: str) -> bool:
    """Tell whether `value` is an IPv6 address (RFC 4291) other than the unspecified one."""
    try:
        return int(ipaddress.IPv6Address(value)) != 0
    except ValueError:
        return False


def is_phone(value: str) -> bool:
    """Tell whether `value` has the 7 to 15 digits of an E.164 number, not all of them equal."""
    digits = [character for character in value if character.isdigit()]
    return len(digits) in _PHONE_DIGITS and len(set(digits)) > 1


CHECKS: Final[Mapping[str, Callable[[str], bool]]] = {
    "secret": is_secret,
    "digit": has_digit,
    "random": is_random,
    "no-word": is_no_word,
    "mixed": is_mixed,
    "no-path": is_no_path,
    "jwt": is_jwt,
    "basic": is_basic,
    "phone": is_phone,
    "ipv6": is_ipv6,
    **money.CHECKS,
    **coins.CHECKS,
    **national.CHECKS,
    **european.CHECKS,
}
