"""Checks of European national identity numbers, each by the rule that its issuer publishes."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from streams.redaction.checksums import Check, alnum_of, digits_of, divides, dot, last_is, luhn, mod_11_10

_SPAIN: Final = "TRWAGMYFPDXBNJZSQVHLCKE"
_IRELAND: Final = "WABCDEFGHIJKLMNOPQRSTUV"
_FINLAND: Final = "0123456789ABCDEFHJKLMNPRSTUVWXY"
_ITALY_ODD: Final = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def is_german_tax_id(value: str) -> bool:
    """Tell whether MOD 11,10 holds and one of the first ten digits, only one, comes twice or three times."""
    digits = digits_of(value)
    repeats = sorted(Counter(digits[:10]).values())
    return digits[0] != 0 and repeats[-1] in {2, 3} and repeats[-2:-1] == [1] and mod_11_10(value)


def is_german_pension(value: str) -> bool:
    """Tell whether the last digit is that of a German social insurance number (cross sums of weighted digits)."""
    plain = alnum_of(value)
    digits = digits_of(plain[:8] + f"{_ALPHABET.index(plain[8]) + 1:02}" + plain[9:11])
    weights = (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1)
    return sum(sum(divmod(w * d, 10)) for w, d in zip(weights, digits, strict=True)) % 10 == int(plain[11])


def is_nir(value: str) -> bool:
    """Tell whether the last two digits are 97 less the rest modulo 97 (French NIR; Corsica counts as 19 and 18)."""
    plain = alnum_of(value)
    body = plain[:13].replace("2A", "19").replace("2B", "18")
    return body.isdigit() and 97 - int(body) % 97 == int(plain[13:])


def is_spanish(value: str) -> bool:
    """Tell whether the last letter is that of a Spanish DNI or NIE (modulo 23)."""
    plain = alnum_of(value)
    number = plain[:-1].replace("X", "0").replace("Y", "1").replace("Z", "2")
    return number.isdigit() and plain[-1] == _SPAIN[int(number) % 23]


def is_codice_fiscale(value: str) -> bool:
    """Tell whether the last letter is that of an Italian codice fiscale (D.M. 23/12/1976)."""
    numbers = [int(c) if c.isdigit() else _ALPHABET.index(c) for c in value.upper()]
    return (sum(_ITALY_ODD[n] for n in numbers[0:15:2]) + sum(numbers[1:15:2])) % 26 == numbers[15]


def is_belgian(value: str) -> bool:
    """Tell whether the last two digits are 97 less the rest modulo 97; those born since 2000 count a 2 in front."""
    digits = "".join(map(str, digits_of(value)))
    return int(digits[9:]) in {97 - int(digits[:9]) % 97, 97 - int("2" + digits[:9]) % 97}


def is_norwegian(value: str) -> bool:
    """Tell whether both control digits are those of a Norwegian birth number."""
    digits = digits_of(value)
    first = dot((3, 7, 6, 1, 8, 9, 4, 5, 2, 1), digits) % 11
    return any(digits) and first == 0 and dot((5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1), digits) % 11 == 0


def is_birth_number(value: str) -> bool:
    """Tell whether a Czech or Slovak birth number is divisible by 11 and its month and day can be."""
    digits = digits_of(value)
    month, day = (digits[2] * 10 + digits[3]) % 50 % 20, digits[4] * 10 + digits[5]
    return int("".join(map(str, digits))) % 11 == 0 and month in range(1, 13) and day in range(1, 32)


def is_pps(value: str) -> bool:
    """Tell whether the letter is that of an Irish PPS number (modulo 23; a second letter counts nine times)."""
    plain = alnum_of(value)
    extra = _IRELAND.find(plain[8]) * 9 if plain[8:] and plain[8] in _IRELAND else 0
    return _IRELAND[(dot((8, 7, 6, 5, 4, 3, 2), digits_of(plain)) + extra) % 23] == plain[7]


def is_hetu(value: str) -> bool:
    """Tell whether the last character is that of a Finnish personal identity code (modulo 31)."""
    return value[-1].upper() == _FINLAND[int(value[:6] + value[7:10]) % 31]


def is_turkish(value: str) -> bool:
    """Tell whether both last digits are those of a Turkish identity number."""
    digits = digits_of(value)
    tenth = (7 * sum(digits[0:9:2]) - sum(digits[1:8:2])) % 10
    return digits[0] != 0 and digits[9] == tenth and digits[10] == sum(digits[:10]) % 10


def is_inn(value: str) -> bool:
    """Tell whether the last digit, or the last two of twelve, are those of a Russian INN."""
    digits = digits_of(value)
    if len(digits) == 10:  # noqa: PLR2004 - of a company
        return dot((2, 4, 10, 3, 5, 9, 4, 6, 8), digits) % 11 % 10 == digits[9]
    eleventh = dot((7, 2, 4, 10, 3, 5, 9, 4, 6, 8), digits) % 11 % 10
    return digits[10:] == [eleventh, dot((3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8), digits) % 11 % 10]


def is_snils(value: str) -> bool:
    """Tell whether the last two digits are those of a Russian SNILS."""
    digits = digits_of(value)
    return dot((9, 8, 7, 6, 5, 4, 3, 2, 1), digits) % 101 % 100 == digits[9] * 10 + digits[10]


def is_austrian(value: str) -> bool:
    """Tell whether the fourth digit is that of an Austrian social insurance number (modulo 11)."""
    digits = digits_of(value)
    return dot((3, 7, 9, 0, 5, 8, 4, 2, 1, 6), digits) % 11 == digits[3]


def is_nino(value: str) -> bool:
    """Tell whether the prefix of a British national insurance number is one that is given out (HMRC, NIM39110)."""
    return alnum_of(value)[:2] not in {"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"}


def is_swedish(value: str) -> bool:
    """Tell whether the last ten digits of a Swedish personal number pass Luhn."""
    return luhn("".join(map(str, digits_of(value)[-10:])))


def _baltic(digits: list[int]) -> int:
    first = dot((1, 2, 3, 4, 5, 6, 7, 8, 9, 1), digits) % 11
    return first if first < 10 else dot((3, 4, 5, 6, 7, 8, 9, 1, 2, 3), digits) % 11 % 10  # noqa: PLR2004 - no digit


def _nif(digits: list[int]) -> int:
    return -dot((9, 8, 7, 6, 5, 4, 3, 2), digits) % 11 % 10


def _cnp(digits: list[int]) -> int:
    remainder = dot((2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9), digits) % 11
    return remainder if remainder < 10 else 1  # noqa: PLR2004 - no digit


CHECKS: Final[Mapping[str, Check]] = {
    "nhs": divides(11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1),
    "nino": is_nino,
    "german-tax": is_german_tax_id,
    "german-pension": is_german_pension,
    "nir": is_nir,
    "spanish": is_spanish,
    "codice-fiscale": is_codice_fiscale,
    "pesel": divides(10, 1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1),
    "nip": divides(11, 6, 5, 7, 2, 3, 4, 5, 6, 7, -1),
    "nif": last_is(9, _nif),
    "bsn": divides(11, 9, 8, 7, 6, 5, 4, 3, 2, -1),
    "belgian": is_belgian,
    "norwegian": is_norwegian,
    "birth-number": is_birth_number,
    "cnp": last_is(13, _cnp),
    "egn": last_is(10, lambda d: dot((2, 4, 8, 5, 10, 9, 7, 3, 6), d) % 11 % 10),
    "oib": mod_11_10,
    "jmbg": divides(11, 7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1),
    "baltic": last_is(11, _baltic),
    "pps": is_pps,
    "swedish": is_swedish,
    "hetu": is_hetu,
    "ahv": divides(10, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1),
    "turkish": is_turkish,
    "afm": last_is(9, lambda d: dot((256, 128, 64, 32, 16, 8, 4, 2), d) % 11 % 10),
    "inn": is_inn,
    "snils": is_snils,
    "rnokpp": last_is(10, lambda d: dot((-1, 5, 7, 9, 4, 6, 10, 5, 7), d) % 11 % 10),
    "taj": last_is(9, lambda d: dot((3, 7, 3, 7, 3, 7, 3, 7), d) % 10),
    "austrian": is_austrian,
}
