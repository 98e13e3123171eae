"""Check digits, made rather than tested: what the rules' own checks are measured with must not be those checks."""

import hashlib
from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from benchmarks.planting.kinds import DIGITS, UPPER, Value, number, some

_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_NEXT: Final = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
    (1, 5, 7, 6, 2, 8, 3, 0, 9, 4),
    (5, 8, 0, 3, 7, 9, 6, 1, 4, 2),
    (8, 9, 1, 6, 0, 4, 3, 5, 2, 7),
    (9, 4, 5, 3, 1, 2, 6, 8, 7, 0),
    (4, 2, 8, 6, 5, 7, 3, 9, 0, 1),
    (2, 7, 9, 3, 8, 0, 6, 4, 1, 5),
    (7, 0, 4, 6, 9, 1, 3, 2, 5, 8),
)


def weighted(digits: str, weights: Sequence[int]) -> int:
    """Return the sum of digits by weights."""
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))


def luhn(body: str) -> str:
    """Return `body` with the digit that ISO/IEC 7812-1 puts behind it."""
    total = 0
    for place, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return body + str(-total % 10)


def verhoeff(body: str) -> str:
    """Return `body` with Verhoeff's check digit."""
    check = 0
    for place, digit in enumerate(reversed(body), 1):
        check = _times(check, _NEXT[place % 8][int(digit)])
    return body + next(d for d in DIGITS if _times(check, _NEXT[0][int(d)]) == 0)


def _times(one: int, other: int) -> int:
    """Multiply in the dihedral group of order 10: turns 0 to 4, reflections 5 to 9."""
    turn, flip = one % 5, one // 5
    turned = (turn - other % 5 if flip else turn + other % 5) % 5
    return turned + 5 * (flip ^ other // 5)


def mod_11_10(body: str) -> str:
    """Return `body` with the digit of ISO 7064 MOD 11,10."""
    product = 10
    for digit in body:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return body + str((11 - product) % 10)


def remainder(modulus: int, weights: Sequence[int], digit: Callable[[int], int]) -> Value:
    """Return a draw of as many digits as there are weights and one more: `digit` of their sum modulo `modulus`.

    Where that is no digit, other digits are drawn.
    """

    def draw(rng: Random) -> str:
        while True:
            body = number(rng, len(weights))
            last = digit(weighted(body, weights) % modulus)
            if last in range(10):
                return body + str(last)

    return draw


def iban(country: str, body: str) -> str:
    """Return the IBAN of an account (ISO 13616): 98 less the remainder modulo 97."""
    spelled = "".join(str(int(character, 36)) for character in body + country + "00")
    return f"{country}{98 - int(spelled) % 97:02}{body}"


def base58(payload: bytes) -> str:
    """Return Bitcoin's Base58Check of `payload`."""
    raw = payload + hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:4]
    value = int.from_bytes(raw, "big")
    digits = ""
    while value:
        value, place = divmod(value, 58)
        digits = _BASE58[place] + digits
    return "1" * (len(raw) - len(raw.lstrip(b"\0"))) + digits


def bech32(prefix: str, rng: Random) -> str:
    """Return a version 0 address of BIP 173 for a random 20-byte program."""
    data = [0, *(rng.randrange(32) for _ in range(31)), rng.choice((0, 16))]
    spread = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]
    state = 1
    for value in [*spread, *data, 0, 0, 0, 0, 0, 0]:
        top, state = state >> 25, (state & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            state ^= generator * (top >> bit & 1)
    state ^= 1
    checksum = [state >> 5 * (5 - place) & 31 for place in range(6)]
    return prefix + "1" + "".join(_BECH32[value] for value in data + checksum)


def date(rng: Random, written: str = "yymmdd") -> str:
    """Return a day between 1940 and 1999 in digits."""
    parts = {"yy": rng.randrange(40, 100), "mm": rng.randrange(1, 13), "dd": rng.randrange(1, 29)}
    for name, value in parts.items():
        written = written.replace(name, f"{value:02}")
    return written


def letters(rng: Random, length: int) -> str:
    """Return capital letters."""
    return some(rng, UPPER, length)
