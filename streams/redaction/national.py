"""Checks of national identity numbers outside Europe, each by the rule that its issuer publishes."""

import datetime as dt
import re
from collections.abc import Mapping
from typing import Final

from streams.redaction.checksums import Check, alnum_of, digits_of, divides, dot, last_is, luhn, verhoeff

_GST: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_CURP: Final = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ"
_CHINA: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_TAIWAN: Final = "ABCDEFGHJKLMNPQRSTUVXYWZIO"
_SINGAPORE: Final = {
    "S": (0, "JZIHGFEDCBA"),
    "T": (4, "JZIHGFEDCBA"),
    "F": (0, "XWUTRQPNMLK"),
    "G": (4, "XWUTRQPNMLK"),
    "M": (3, "XWUTRQPNJLK"),
}


def is_ssn(value: str) -> bool:
    """Tell whether area, group and serial can have been issued (US Social Security Administration, 2011)."""
    digits = "".join(map(str, digits_of(value)))
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    return area not in {"000", "666"} and area < "900" and group != "00" and serial != "0000" and len(set(digits)) > 1


def is_itin(value: str) -> bool:
    """Tell whether the group is one of those of a US taxpayer number (IRS)."""
    digits = digits_of(value)
    group = digits[3] * 10 + digits[4]
    return group in {*range(50, 66), *range(70, 89), *range(90, 93), *range(94, 100)}


def is_npi(value: str) -> bool:
    """Tell whether the digits pass Luhn behind 80840 (US national provider identifier)."""
    return luhn("80840" + value)


def is_dea(value: str) -> bool:
    """Tell whether the last digit is that of a US DEA registration number."""
    digits = digits_of(value)[-7:]
    return (sum(digits[0:6:2]) + 2 * sum(digits[1:6:2])) % 10 == digits[6]


def is_cpf(value: str) -> bool:
    """Tell whether both check digits are those of a Brazilian CPF."""
    return _brazil(value, (10, 9, 8, 7, 6, 5, 4, 3, 2), (11, 10, 9, 8, 7, 6, 5, 4, 3, 2))


def is_cnpj(value: str) -> bool:
    """Tell whether both check digits are those of a Brazilian CNPJ."""
    return _brazil(value, (5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2), (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2))


def _brazil(value: str, first: tuple[int, ...], second: tuple[int, ...]) -> bool:
    digits = digits_of(value)
    expected = [dot(weights, digits) * 10 % 11 % 10 for weights in (first, second)]
    return len(digits) == len(second) + 1 and len(set(digits)) > 1 and digits[-2:] == expected


def is_rut(value: str) -> bool:
    """Tell whether the last character is that of a Chilean RUT (modulo 11, K for 10)."""
    plain = alnum_of(value)
    weighted = sum(int(digit) * (2 + n % 6) for n, digit in enumerate(reversed(plain[:-1])))
    return plain[-1] == "0123456789K0"[11 - weighted % 11] and len(set(plain)) > 1


def is_curp(value: str) -> bool:
    """Tell whether the last digit is that of a Mexican CURP."""
    plain = value.upper()
    total = sum(_CURP.index(character) * (18 - n) for n, character in enumerate(plain[:17]))
    return plain[17] == str(-total % 10)


def is_china(value: str) -> bool:
    """Tell whether date and last character are those of a Chinese resident number (GB 11643, ISO 7064 MOD 11-2)."""
    return is_date(value[6:14]) and value[17].upper() == "10X98765432"[dot(_CHINA, digits_of(value[:17])) % 11]


def is_taiwan(value: str) -> bool:
    """Tell whether the last digit is that of a Taiwanese identity card."""
    letter = _TAIWAN.index(value[0].upper()) + 10
    return (letter // 10 + dot((9, 8, 7, 6, 5, 4, 3, 2, 1, 1), [letter % 10, *digits_of(value[1:])])) % 10 == 0


def is_hong_kong(value: str) -> bool:
    """Tell whether the last character is that of a Hong Kong identity card (modulo 11, A for 10)."""
    plain = alnum_of(value).rjust(9)
    numbers = [36 if character == " " else int(character, 36) for character in plain[:8]]
    return (dot((9, 8, 7, 6, 5, 4, 3, 2), numbers) + int(plain[8], 36)) % 11 == 0


def is_korea(value: str) -> bool:
    """Tell whether month, day and last digit are those of a Korean resident number issued before October 2020."""
    digits = digits_of(value)
    expected = (11 - dot((2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5), digits) % 11) % 10
    return re.match(r"\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])", value) is not None and digits[-1] == expected


def is_singapore(value: str) -> bool:
    """Tell whether the last letter is that of a Singaporean NRIC or FIN."""
    plain = value.upper()
    offset, letters = _SINGAPORE[plain[0]]
    return plain[8] == letters[(offset + dot((2, 7, 6, 5, 4, 3, 2), digits_of(plain))) % 11]


def is_gstin(value: str) -> bool:
    """Tell whether the last character is that of an Indian GSTIN (base 36, factors 1 and 2)."""
    products = [_GST.index(character) * (1 + n % 2) for n, character in enumerate(value[:14].upper())]
    return value[14].upper() == _GST[-sum(product // 36 + product % 36 for product in products) % 36]


def is_abn(value: str) -> bool:
    """Tell whether the digits are those of an Australian business number (modulo 89)."""
    digits = digits_of(value)
    return (dot((10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19), digits) - 10) % 89 == 0


def is_medicare(value: str) -> bool:
    """Tell whether the ninth digit is that of an Australian Medicare number (modulo 10)."""
    digits = digits_of(value)
    return dot((1, 3, 7, 9, 1, 3, 7, 9), digits) % 10 == digits[8]


def is_ird(value: str) -> bool:
    """Tell whether the last digit is that of a New Zealand IRD number (modulo 11, with a second set of weights)."""
    digits = digits_of(value)
    digits = [0] * (9 - len(digits)) + digits
    remainder = -dot((3, 2, 7, 6, 5, 4, 3, 2), digits) % 11
    if remainder == 10:  # noqa: PLR2004 - not a digit
        remainder = -dot((7, 4, 3, 2, 5, 2, 7, 6), digits) % 11
    return remainder == digits[8] and len(set(digits)) > 1


def is_date(digits: str) -> bool:
    """Tell whether `digits` is a day of the years 1900 to 2099, written YYYYMMDD."""
    try:
        return dt.date(int(digits[:4]), int(digits[4:6]), int(digits[6:8])).year // 100 in {19, 20}
    except ValueError:
        return False


CHECKS: Final[Mapping[str, Check]] = {
    "ssn": is_ssn,
    "itin": is_itin,
    "npi": is_npi,
    "dea": is_dea,
    "cpf": is_cpf,
    "cnpj": is_cnpj,
    "rut": is_rut,
    "cuit": divides(11, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1),
    "curp": is_curp,
    "china": is_china,
    "taiwan": is_taiwan,
    "hong-kong": is_hong_kong,
    "korea": is_korea,
    "my-number": last_is(12, lambda d: -dot((6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2), d) % 11 % 10),
    "singapore": is_singapore,
    "thailand": last_is(13, lambda d: (11 - dot((13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2), d) % 11) % 10),
    "aadhaar": verhoeff,
    "gstin": is_gstin,
    "tfn": divides(11, 1, 4, 3, 7, 5, 8, 6, 9, 10),
    "abn": is_abn,
    "acn": divides(10, 8, 7, 6, 5, 4, 3, 2, 1, 1),
    "medicare-au": is_medicare,
    "ird": is_ird,
}
