"""What the stream found and said, as the indexer keeps it: a view that can be made anew from the topics."""

from datetime import datetime

from api.store.collection import Store, Stored
from api.store.work import Named
from deepsentry.events import (
    AlertStatus,
    Disagreement,
    Judgement,
    ModelReference,
    Moments,
    Severity,
    View,
)


class KeptAnomaly(Stored, frozen=True, kw_only=True):
    """An anomaly: what lists show and filter by, and the event itself."""

    model: str
    version: int
    fingerprint: str
    view: View
    score: float
    severity: Severity
    service: str
    host: str
    sequence: str
    summary: str
    template: str
    observed_at: datetime
    created_at: datetime
    words: tuple[str, ...]
    event: bytes
    judgement: Judgement | None = None
    expires_at: datetime


class KeptAlert(Stored, frozen=True, kw_only=True):
    """An alert as it was last told."""

    model: str
    fingerprint: str
    status: AlertStatus
    severity: Severity
    title: str
    service: str
    count: int
    first_seen: datetime
    last_seen: datetime
    created_at: datetime
    updated_at: datetime
    words: tuple[str, ...]
    event: bytes
    expires_at: datetime


class KeptVerdict(Stored, frozen=True, kw_only=True):
    """The newest word on an anomaly, whose id is its own."""

    model: str
    judgement: Judgement
    by: str
    created_at: datetime
    fingerprint: str
    note: str = ""
    alert: str = ""
    withdrawn: bool = False


class KeptRejected(Stored, frozen=True, kw_only=True):
    """A record that could not be used, redacted; the id is PARTITION-OFFSET on the rejected topic."""

    topic: str
    """Where it came from."""
    source: str
    elements: str
    reason: str
    stage: str
    detail: str
    created_at: datetime
    key: str
    headers: tuple[Named, ...]
    text: str
    bytes: int
    origin: str
    replayed_at: datetime | None = None
    replay_of: str = ""
    expires_at: datetime


class KeptWorker(Stored, frozen=True, kw_only=True):
    """The last that a worker said of itself."""

    stage: str
    host: str
    at: datetime
    started_at: datetime
    ready: bool
    reasons: tuple[str, ...]
    version: ModelReference | None
    challenger: ModelReference | None
    models: tuple[str, ...]
    topics: tuple[str, ...]
    """What it loads and reads, by which it belongs to projects."""
    lag: tuple[Named, ...]
    lines_per_s: float
    committed_at: datetime | None
    expires_at: datetime


class KeptComparison(Stored, frozen=True, kw_only=True):
    """What a worker saw of champion and challenger in a while."""

    model: str
    champion: int
    challenger: int
    created_at: datetime
    since: datetime
    moments: Moments
    both: int
    champion_only: int
    challenger_only: int
    skipped: int
    disagreements: tuple[Disagreement, ...]
    failure: str
    expires_at: datetime


class KeptCounts(Stored, frozen=True, kw_only=True):
    """How many ended sequences had which score in an hour, as one worker saw it."""

    model: str
    version: int
    hour: datetime
    counts: tuple[tuple[int, int], ...]
    """Bucket and sequences."""
    expires_at: datetime


class Found:
    """The collections."""

    def __init__(self, store: Store) -> None:
        self.anomalies = store.collection("anomalies", KeptAnomaly)
        self.alerts = store.collection("alerts", KeptAlert)
        self.verdicts = store.collection("verdicts", KeptVerdict)
        self.rejected = store.collection("rejected", KeptRejected)
        self.workers = store.collection("workers", KeptWorker)
        self.comparisons = store.collection("comparisons", KeptComparison)
        self.counts = store.collection("counts", KeptCounts)
