"""Numbers of cards and bank accounts."""

from collections.abc import Callable, Mapping
from typing import Final

from streams.redaction.checksums import alnum_of, digits_of, dot, luhn, mod_97

# Prefix range -> lengths: ISO/IEC 7812 issuer ranges as the networks publish them.
_ISSUERS: Final = (
    ("4", "4", (13, 16, 19)),
    ("51", "55", (16,)),
    ("2221", "2720", (16,)),
    ("34", "34", (15,)),
    ("37", "37", (15,)),
    ("300", "305", (14, 16, 19)),
    ("3095", "3095", (14, 16, 19)),
    ("36", "36", (14, 16, 19)),
    ("38", "39", (14, 16, 19)),
    ("6011", "6011", (16, 19)),
    ("644", "649", (16, 19)),
    ("65", "65", (16, 19)),
    ("3528", "3589", (16, 19)),
    ("62", "62", (16, 17, 18, 19)),
    ("81", "81", (16, 17, 18, 19)),
    ("5018", "5018", (13, 16, 18, 19)),
    ("5020", "5020", (13, 16, 18, 19)),
    ("5038", "5038", (13, 16, 18, 19)),
    ("5893", "5893", (13, 16, 18, 19)),
    ("6304", "6304", (13, 16, 18, 19)),
    ("6759", "6759", (13, 16, 18, 19)),
    ("6761", "6763", (13, 16, 18, 19)),
    ("2200", "2204", (16, 17, 18, 19)),
    ("9792", "9792", (16,)),
    ("60", "60", (16,)),
    ("5067", "5067", (16,)),
    ("6362", "6362", (16,)),
)

# SWIFT IBAN registry: length -> countries.
_IBAN: Final = {
    15: "NO",
    16: "BE",
    18: "DK FI FK FO GL NL SD",
    19: "MK SI",
    20: "AT BA EE KZ LT LU MN XK",
    21: "CH HR LI LV",
    22: "BG BH CR DE GB GE IE ME RS VA",
    23: "AE GI IL IQ OM SO TL",
    24: "AD CZ ES MD PK RO SA SE SK TN VG",
    25: "LY PT ST",
    26: "IS TR",
    27: "BI DJ FR GR IT MC MR SM",
    28: "AL AZ BY CY DO GT HN HU LB NI PL SV",
    29: "BR EG PS QA UA",
    30: "JO KW MU YE",
    31: "MT SC",
    32: "LC",
    33: "RU",
}
_ABA_PREFIXES: Final = frozenset({*range(13), *range(21, 33), *range(61, 73), 80})
_ABA_WEIGHTS: Final = (3, 7, 1) * 3


def is_card(value: str) -> bool:
    """Tell whether `value` is a card number: a known issuer, its length, Luhn, and not one digit repeated."""
    digits = "".join(map(str, digits_of(value)))
    known = any(low <= digits[: len(low)] <= high and len(digits) in lengths for low, high, lengths in _ISSUERS)
    return known and luhn(digits)


def is_iban(value: str) -> bool:
    """Tell whether `value` has its country's length and leaves 1 modulo 97 (ISO 13616, ISO 7064 MOD 97-10)."""
    plain = alnum_of(value)
    return plain[:2] in _IBAN.get(len(plain), "").split() and mod_97(plain[4:] + plain[:4]) == 1


def is_aba(value: str) -> bool:
    """Tell whether `value` is an ABA routing number: a Federal Reserve prefix and weights 3, 7, 1."""
    digits = digits_of(value)
    if len(digits) != len(_ABA_WEIGHTS) or digits[0] * 10 + digits[1] not in _ABA_PREFIXES:
        return False
    return any(digits) and dot(_ABA_WEIGHTS, digits) % 10 == 0


CHECKS: Final[Mapping[str, Callable[[str], bool]]] = {
    "luhn": luhn,
    "card": is_card,
    "iban": is_iban,
    "aba": is_aba,
}
