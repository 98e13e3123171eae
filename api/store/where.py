"""What can be asked of a collection: typed conditions, from which no operator of a query can be made by a stranger.

A field is a name that our code writes, a value is a scalar; both are checked when a condition is made, so that a dict
from a request (`{"$ne": null}`) never reaches the driver.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

Scalar = str | int | float | bool | datetime | bytes | None
Operator = Literal["equal", "differs", "among", "below", "above", "at_most", "at_least", "begins"]
FIELD: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*")
MOST_CHOICES: Final = 1000


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison of a field with a value, or with several where the operator is `among`."""

    field: str
    operator: Operator
    value: Scalar | tuple[Scalar, ...]

    def __post_init__(self) -> None:
        if not FIELD.fullmatch(self.field):
            message = f"not the name of a field: {self.field!r}"
            raise TypeError(message)
        values = self.value if isinstance(self.value, tuple) else (self.value,)
        if self.operator != "among" and isinstance(self.value, tuple):
            message = f"{self.field}: only `among` takes several values"
            raise TypeError(message)
        if not all(isinstance(value, Scalar) for value in values):
            message = f"{self.field}: a condition takes scalars"
            raise TypeError(message)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Holds where all conditions of one of the alternatives hold."""

    alternatives: tuple[tuple[Condition, ...], ...]


Where = Condition | AnyOf


def equal(field: str, value: Scalar) -> Condition:
    """The field has this value; for a list, one of its items has."""
    return Condition(field, "equal", value)


def differs(field: str, value: Scalar) -> Condition:
    """The field has another value, or none."""
    return Condition(field, "differs", value)


def among(field: str, values: tuple[Scalar, ...]) -> Condition:
    """The field has one of these values."""
    return Condition(field, "among", values[:MOST_CHOICES])


def below(field: str, value: Scalar) -> Condition:
    """The field's value is less."""
    return Condition(field, "below", value)


def above(field: str, value: Scalar) -> Condition:
    """The field's value is greater."""
    return Condition(field, "above", value)


def at_most(field: str, value: Scalar) -> Condition:
    """The field's value is less or the same."""
    return Condition(field, "at_most", value)


def at_least(field: str, value: Scalar) -> Condition:
    """The field's value is greater or the same."""
    return Condition(field, "at_least", value)


def begins(field: str, prefix: str) -> Condition:
    """One item of a list of words begins so; for search, by an index over lower-cased words."""
    return Condition(field, "begins", prefix)


def any_of(*alternatives: tuple[Condition, ...]) -> AnyOf:
    """All conditions of one of the alternatives hold."""
    return AnyOf(alternatives)


MOST_WORDS: Final = 64
_WORD: Final = re.compile(r"\w+")


def words(*texts: str) -> tuple[str, ...]:
    """Return the distinct lower-cased words of `texts`, for the field that `begins` searches."""
    return tuple(dict.fromkeys(_WORD.findall(" ".join(texts).lower())))[:MOST_WORDS]


def search(field: str, text: str) -> tuple[Condition, ...]:
    """Return conditions that hold where each word of `text` begins a word of the field."""
    return tuple(begins(field, word) for word in words(text)[:8])
