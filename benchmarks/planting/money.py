"""Cards and bank accounts."""

from random import Random
from typing import Final

from benchmarks.planting import digits
from benchmarks.planting.digits import letters, weighted
from benchmarks.planting.kinds import DIGITS, UPPER, Kind, Value, grouped, number, some, whole

_CARDS: Final = {
    "visa": (("4",), 16, (4, 4, 4)),
    "mastercard": (("51", "52", "53", "54", "55", "2223", "2650"), 16, (4, 4, 4)),
    "amex": (("34", "37"), 15, (4, 6)),
    "discover": (("6011", "644", "65"), 16, (4, 4, 4)),
    "diners": (("36", "38", "300", "305"), 14, (4, 6)),
    "jcb": (("3528", "3571"), 16, (4, 4, 4)),
    "unionpay": (("62",), 16, (4, 4, 4)),
}
# BBAN forms of the SWIFT registry: n digits, a letters, c both.
_IBANS: Final = {
    "DE": "18n",
    "GB": "4a14n",
    "NL": "4a10n",
    "FR": "10n11c2n",
    "NO": "11n",
    "ES": "20n",
    "CH": "5n12c",
    "PL": "24n",
    "IT": "1a10n12c",
    "AT": "16n",
    "BE": "12n",
    "SE": "20n",
}


def _card(name: str) -> Value:
    prefixes, length, sizes = _CARDS[name]

    def draw(rng: Random) -> str:
        prefix = rng.choice(prefixes)
        plain = digits.luhn(prefix + some(rng, DIGITS, length - 1 - len(prefix)))
        return grouped(plain, sizes, rng.choice(("", "", " ", "-")))

    return draw


def _iban(rng: Random) -> str:
    country = rng.choice(list(_IBANS))
    body, count = "", ""
    for character in _IBANS[country]:
        if character.isdigit():
            count += character
        else:
            body += some(rng, {"n": DIGITS, "a": UPPER, "c": DIGITS + UPPER}[character], int(count))
            count = ""
    plain = digits.iban(country, body)
    return rng.choice((plain, plain, grouped(plain, (4,) * 8, " ")))


def _aba(rng: Random) -> str:
    body = f"{rng.choice((*range(1, 13), *range(21, 33), *range(61, 73))):02}" + some(rng, DIGITS, 6)
    return body + str(-weighted(body, (3, 7, 1) * 3) % 10)


def _money(name: str, draw: Value, *labels: str) -> Kind:
    return Kind(name, "money", whole(draw), labels)


CARDS: Final = [_money(f"card {name}", _card(name)) for name in _CARDS]
MONEY: Final = [
    Kind(
        "card of 19 digits",
        "money",
        whole(lambda r: digits.luhn("6304" + some(r, DIGITS, 14))),
        ("card_number", "pan", "maestro_card"),
    ),
    Kind(
        "card code",
        "money",
        whole(lambda r: some(r, DIGITS, r.choice((3, 4)))),
        ("cvv", "cvc", "cvv2", "card_cvc", "cvvCode"),
    ),
    _money("IBAN", _iban),
    _money("ABA routing number", _aba, "routing_number", "aba", "aba_number", "bank_routing_number"),
    Kind(
        "bank account",
        "money",
        whole(lambda r: number(r, r.randrange(8, 13))),
        ("account_number", "bank_account", "acct_no", "accountNumber"),
    ),
    Kind(
        "BIC",
        "money",
        whole(lambda r: letters(r, 4) + r.choice(("DE", "FR", "GB", "US")) + some(r, UPPER, 2)),
        ("bic", "swift", "swift_code", "bank_bic"),
    ),
]
