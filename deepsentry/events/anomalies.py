"""Strange sequences, and why they are strange."""

from datetime import datetime
from typing import Literal

import msgspec

from deepsentry.events.lines import Position, SequenceKind

Severity = Literal["info", "warning", "error", "critical"]
View = Literal["novelty", "profile", "sequence"]


class ViewScore(msgspec.Struct, frozen=True):
    """What one view of a sequence found; `score` is in units of its own threshold, so above 1 it fires."""

    view: View
    score: float
    detail: str = ""
    """One sentence for a person."""


class Expectation(msgspec.Struct, frozen=True):
    """A template that was expected at the deviating place, with its probability in 0..1."""

    template: str
    probability: float


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """A redacted line of the context, oldest first."""

    clean: Position
    raw: Position
    timestamp: float
    message: str
    template: str = ""
    deviates: bool = False


class Neighbour(msgspec.Struct, frozen=True):
    """The nearest normal sequence seen in training, as template counts that differ."""

    distance: float
    missing: dict[str, int]
    """Template text -> how many more of it the normal sequence has."""
    extra: dict[str, int]
    """Template text -> how many more of it this sequence has."""


class Shape(msgspec.Struct, frozen=True):
    """The statements of a sequence in their order, with `<*>` for what varies."""

    texts: tuple[str, ...]
    """Each different statement once, in the order in which they first came."""
    lines: tuple[int, ...]
    """For each line of the sequence the index of its statement in `texts`."""


class ModelReference(msgspec.Struct, frozen=True):
    """The version that judged; `digest` is the SHA-256 of its manifest."""

    name: str
    version: int
    digest: str


class Explanation(msgspec.Struct, frozen=True):
    """Why a sequence is strange."""

    summary: str
    """One sentence that a person on call can act on."""
    views: tuple[ViewScore, ...]
    """Every view, the one to act on first: novelty where it fires, else the strongest."""
    deviation: int | None = None
    """Index into the sequence of the first line that deviates; None where something is missing at the end."""
    template: str = ""
    """Template of the deviating line, empty where a line is missing."""
    expected: tuple[Expectation, ...] = ()
    neighbour: Neighbour | None = None


class Anomaly(msgspec.Struct, frozen=True):
    """A strange sequence, the value of `anomalies`. The same sequence always gets the same `id`."""

    id: str
    fingerprint: str
    """The same problem elsewhere has the same fingerprint: service, view and template, never score, time or host."""
    view: View
    score: float
    """Combined score in units of the threshold: above 1 is an anomaly."""
    severity: Severity
    sequence: str
    kind: SequenceKind
    host: str
    service: str
    observed_at: datetime
    detected_at: datetime
    complete: bool
    """False where an unfinished sequence was judged as it went."""
    length: int
    """Lines of the sequence when it was judged."""
    explanation: Explanation
    lines: tuple[Line, ...]
    """Up to 20 redacted lines around the deviation."""
    positions: tuple[int, ...]
    """Offsets in the clean topic of every line of the sequence, in order; all are in one partition."""
    partition: int
    model: ModelReference
    budget: float
    """False alarms a day that the threshold allows."""
    shape: Shape | None = None
    """What it consists of, so that a verdict on it can be held against others; None where that is too much to carry."""
    schema_version: int = 1
