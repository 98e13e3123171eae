"""What distinguishes one family of shippers from another once its record is flat fields."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from streams.shippers import levels
from streams.shippers.fields import Fields

MESSAGE: Final = ("message", "log", "msg", "MESSAGE", "short_message", "body", "event.original", "event")
"""Names of the message, the first non-empty one wins; `event` is structlog's."""


def unchanged(fields: Fields) -> Fields:
    """Return `fields`: most families use the names of the precedence tables."""
    return fields


@dataclass(frozen=True, slots=True)
class Family:
    """One family: how it is known, what it calls things, and what of it says nothing about the event."""

    name: str
    knows: Callable[[Fields], bool]
    """Whether a record with these fields was written by this family."""
    noise: frozenset[str] = frozenset()
    noise_under: tuple[str, ...] = ()
    """Prefixes of dotted names that are noise."""
    message: tuple[str, ...] = MESSAGE
    numeric_level: levels.FromNumber = levels.from_application
    reshape: Callable[[Fields], Fields] = unchanged
    """Its own names -> those of the precedence tables."""

    def told(self, fields: Fields) -> Fields:
        """Return `fields` without the noise."""
        noise, under = self.noise, self.noise_under
        return {name: value for name, value in fields.items() if name not in noise and not name.startswith(under)}
