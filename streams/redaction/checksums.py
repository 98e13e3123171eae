"""The algorithms behind check digits."""

import operator
from collections.abc import Callable, Sequence
from typing import Final

Check = Callable[[str], bool]

_DOUBLED: Final = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
_FIVE: Final = 5
_PERMUTED: Final = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def digits_of(value: str) -> list[int]:
    """Return the decimal digits in `value`; separators are dropped."""
    return [int(character) for character in value if "0" <= character <= "9"]


def alnum_of(value: str) -> str:
    """Return the ASCII letters and digits in `value`, in upper case; separators are dropped."""
    return "".join(character for character in value if character.isascii() and character.isalnum()).upper()


def dot(weights: Sequence[int], digits: Sequence[int]) -> int:
    """Return the weighted sum of the first digits, as many as there are weights."""
    return sum(map(operator.mul, weights, digits))


def divides(modulus: int, *weights: int) -> Check:
    """Return the check that the weighted sum of exactly so many digits, not all equal, is 0 modulo `modulus`."""

    def check(value: str) -> bool:
        digits = digits_of(value)
        return len(digits) == len(weights) and len(set(digits)) > 1 and dot(weights, digits) % modulus == 0

    return check


def last_is(length: int, expected: Callable[[list[int]], int]) -> Check:
    """Return the check that the last of `length` digits, not all equal, is what is expected after the others."""

    def check(value: str) -> bool:
        digits = digits_of(value)
        return len(digits) == length and len(set(digits)) > 1 and digits[-1] == expected(digits[:-1])

    return check


def luhn(value: str) -> bool:
    """Tell whether the digits pass ISO/IEC 7812-1, annex B."""
    digits = digits_of(value)
    total = sum(digits[-1::-2]) + sum(_DOUBLED[digit] for digit in digits[-2::-2])
    return len(set(digits)) > 1 and total % 10 == 0


def verhoeff(value: str) -> bool:
    """Tell whether the digits pass Verhoeff's scheme over the dihedral group of order 10 (1969)."""
    digits = digits_of(value)
    checksum = 0
    for position, digit in enumerate(reversed(digits)):
        permuted = digit
        for _ in range(position % 8):
            permuted = _PERMUTED[permuted]
        checksum = _dihedral(checksum, permuted)
    return len(set(digits)) > 1 and checksum == 0


def _dihedral(one: int, other: int) -> int:
    if one < _FIVE:
        return (one + other) % 5 + (5 if other >= _FIVE else 0)
    return (one - 5 - other) % 5 + 5 if other < _FIVE else (one - other) % 5


def mod_11_10(value: str) -> bool:
    """Tell whether the digits pass ISO 7064 MOD 11,10."""
    digits = digits_of(value)
    product = 10
    for digit in digits[:-1]:
        product = ((product + digit) % 10 or 10) * 2 % 11
    return len(set(digits)) > 1 and (product + digits[-1]) % 10 == 1


def mod_97(text: str) -> int:
    """Return the remainder of ISO 7064 MOD 97-10; letters count from 10."""
    return int("".join(str(int(character, 36)) for character in text)) % 97
