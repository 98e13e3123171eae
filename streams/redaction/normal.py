"""The normal forms of a secret, so that one secret written in two ways has one token."""

from collections.abc import Callable, Mapping
from typing import Final


def _same(value: str) -> str:
    return value


def _digits(value: str) -> str:
    return "".join(filter(str.isdigit, value))


def _alnum(value: str) -> str:
    return "".join(filter(str.isalnum, value)).upper()


NORMAL: Final[Mapping[str, Callable[[str], str]]] = {
    "same": _same,
    "digits": _digits,
    "alnum": _alnum,
    "lower": str.lower,
}
