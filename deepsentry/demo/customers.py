"""The shop's customers and their secrets: generated from the seed, valid in form, nobody's."""

import base64
import random
import string
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from deepsentry import wire

_GIVEN: Final = (
    "ada",
    "bo",
    "chen",
    "dina",
    "emil",
    "fatou",
    "goran",
    "hana",
    "ivo",
    "jun",
    "kofi",
    "lea",
    "mira",
    "noor",
)
_FAMILY: Final = (
    "berg",
    "costa",
    "diaz",
    "ek",
    "fofana",
    "garcia",
    "horvat",
    "ito",
    "jansen",
    "kaya",
    "lund",
    "moreau",
)
# Reserved for examples by RFC 2606.
_DOMAINS: Final = ("example.com", "example.org", "mail.example.net")
_UPPER: Final = string.ascii_uppercase + "234567"


@dataclass(frozen=True, slots=True)
class Customer:
    """Somebody who shops; every field but `number` is a secret that some line of the shop gives away."""

    number: int
    email: str
    password: str
    card: str
    bearer: str
    phone: str

    def secrets(self) -> Iterator[str]:
        """Yield what must not be seen behind the sanitizer."""
        yield from (self.email, self.password, self.card, self.bearer, self.phone)


def customers(rng: random.Random, count: int) -> tuple[Customer, ...]:
    """Return `count` customers, at most 1000; no two share a secret."""
    first = rng.randrange(10_000, 90_000)
    return tuple(_customer(rng, first + index) for index in range(count))


def cloud_key(rng: random.Random) -> str:
    """Return an access key id in the form of AWS."""
    return "AKIA" + "".join(rng.choices(_UPPER, k=16))


def _customer(rng: random.Random, number: int) -> Customer:
    return Customer(
        number=number,
        email=f"{rng.choice(_GIVEN)}.{rng.choice(_FAMILY)}{number}@{rng.choice(_DOMAINS)}",
        password="".join(rng.choices(string.ascii_letters + string.digits, k=14)) + rng.choice("!#%+"),
        card=_card(rng),
        bearer=_bearer(rng, number),
        # Ofcom keeps this range for fiction.
        phone=f"+447700{900_000 + number % 1000:06d}",
    )


def _card(rng: random.Random) -> str:
    """A number of 16 digits in an issuer's range, valid by Luhn (ISO/IEC 7812-1), in one of its usual spellings."""
    digits = [int(digit) for digit in rng.choice(("4", "51", "55"))]
    digits += [rng.randrange(10) for _ in range(15 - len(digits))]
    doubled = sum(sum(divmod(2 * digit, 10)) for digit in digits[::2])
    digits.append(-(doubled + sum(digits[1::2])) % 10)
    number = "".join(map(str, digits))
    separator = rng.choice(("", "", " ", "-"))
    return separator.join(number[at : at + 4] for at in range(0, 16, 4))


def _bearer(rng: random.Random, number: int) -> str:
    """A JWT (RFC 7519) whose signature is noise."""
    header = wire.encode({"alg": "HS256", "typ": "JWT"})
    claims = wire.encode({"sub": str(number), "iat": 1_700_000_000 + rng.randrange(10**7)})
    parts = (header, claims, rng.randbytes(32))
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
