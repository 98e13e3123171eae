"""What is planted: a kind of secret, the words that stand before it where it needs some, and how one is drawn."""

import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, NamedTuple

DIGITS: Final = string.digits
HEX: Final = "0123456789abcdef"
UPPER: Final = string.ascii_uppercase
LOWER: Final = string.ascii_lowercase
ALNUM: Final = string.ascii_letters + DIGITS
URL: Final = ALNUM + "-_"


class Secret(NamedTuple):
    """A secret as a line would hold it: `value` is what must be masked, `text` has it with what belongs around it."""

    text: str
    value: str


Value = Callable[[Random], str]
Draw = Callable[[Random], Secret]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of secret. With `labels`, one of them stands before the value; without, the text says what it is."""

    name: str
    group: str
    draw: Draw
    labels: tuple[str, ...] = ()
    bare: bool = True
    """False where the text is a phrase of its own, which stands within no quotes, URL or base64."""


def some(rng: Random, alphabet: str, length: int) -> str:
    """Return `length` characters drawn from `alphabet`."""
    return "".join(rng.choices(alphabet, k=length))


def number(rng: Random, length: int) -> str:
    """Return a number of `length` digits that does not begin with 0."""
    return rng.choice("123456789") + some(rng, DIGITS, length - 1)


def whole(draw: Value) -> Draw:
    """Return a draw whose text is the value itself."""

    def drawn(rng: Random) -> Secret:
        value = draw(rng)
        return Secret(value, value)

    return drawn


def marked(draw: Callable[[Random], tuple[str, str, str]]) -> Draw:
    """Return a draw of a value with what stands before and behind it."""

    def drawn(rng: Random) -> Secret:
        before, value, behind = draw(rng)
        return Secret(before + value + behind, value)

    return drawn


def grouped(value: str, sizes: Sequence[int], separator: str) -> str:
    """Return `value` cut into groups of these sizes."""
    parts: list[str] = []
    for size in sizes:
        parts.append(value[:size])
        value = value[size:]
    return separator.join(part for part in (*parts, value) if part)
