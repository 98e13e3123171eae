"""What training and judging are given: sequences of lines, and sequences of template ids."""

from dataclasses import dataclass, field
from typing import Final

import msgspec

from deepsentry.events import SequenceKind, ViewScore

MAX_LENGTH: Final = 2_000
"""Lines of a sequence that are looked at; a longer one is judged by its first so many."""


@dataclass(frozen=True, slots=True)
class LoggedSequence:
    """A sequence as it stands in a log: sanitized lines in order, Unix seconds of event time."""

    key: str
    kind: SequenceKind
    start: float
    end: float
    messages: tuple[str, ...]
    complete: bool
    """False where it was cut by length. Whether the log ended before it did, training sees from its times."""
    times: tuple[float, ...] = ()
    """Event time of each message, or empty; from them it is learned how long a session may stay silent."""


class Observed(msgspec.Struct, frozen=True):
    """A sequence as template ids. A window has neither a beginning nor an end of its own."""

    templates: tuple[int, ...]
    complete: bool
    kind: SequenceKind


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the views say of one sequence; higher is stranger, in units of the threshold, above 1 is an anomaly."""

    score: float
    views: tuple[ViewScore, ...] = field(default=())
    """Every view: a new statement first where there is one, as it says most; else the strongest first."""
