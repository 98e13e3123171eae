"""Which version of a model judges, and what is known of those that judge beside it."""

from datetime import datetime

import msgspec

from deepsentry.events.anomalies import ModelReference, View
from deepsentry.events.lines import Position, SequenceKind


class Promotion(msgspec.Struct, frozen=True):
    """An alias moved, the value of `models` (key: `model/alias`)."""

    model: str
    alias: str
    version: int
    digest: str
    at: datetime


class Moments(msgspec.Struct, frozen=True):
    """Sums over pairs of scores, the champion's and the challenger's, from which figures follow; they can be joined."""

    pairs: int = 0
    champion: float = 0.0
    """Mean of the champion's scores."""
    challenger: float = 0.0
    champion_squares: float = 0.0
    """Squared distances from the mean, added up."""
    challenger_squares: float = 0.0
    products: float = 0.0
    """Products of both distances, added up."""


class Disagreement(msgspec.Struct, frozen=True):
    """A sequence that one version holds for an anomaly and the other does not."""

    sequence: str
    kind: SequenceKind
    start: Position
    """Its first line in the raw log."""
    length: int
    at: datetime
    champion: float
    challenger: float
    view: View
    """The strongest view of the version that holds it for an anomaly."""
    summary: str
    """That version's reason, in one sentence."""


class Comparison(msgspec.Struct, frozen=True):
    """What a worker saw of champion and challenger in a while, a value of `shadow` (key: `model/worker/number`)."""

    worker: str
    number: int
    """Grows from 1 in each worker process; the same number is the same comparison."""
    champion: ModelReference
    challenger: ModelReference
    since: datetime
    until: datetime
    moments: Moments
    both: int = 0
    """Judgements that are anomalies to both."""
    champion_only: int = 0
    challenger_only: int = 0
    skipped: int = 0
    """Judgements that were not compared, as comparing may take only so much of a worker's time."""
    disagreements: tuple[Disagreement, ...] = ()
    """At most 20."""
    failure: str = ""
    """Why the challenger judges no more; empty while it does."""


class ScoreCounts(msgspec.Struct, frozen=True):
    """How many ended sequences had which score in an hour, a value of `scores` (key: `worker/model/version/hour`).

    A later one of the same key replaces an earlier.
    """

    worker: str
    model: ModelReference
    hour: datetime
    """Its begin, by the worker's clock."""
    counts: dict[str, int] = {}
    """Number of a bucket -> sequences; bucket n holds scores from 2^(n/8) up to 2^((n+1)/8)."""
