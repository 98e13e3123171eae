"""The values that flow, in the order in which they are born.

Times are Unix seconds as floats where there is one for every line, and aware datetimes (RFC 3339 on the wire) where a
person reads them. Every field name is stable: removing or renaming one is a new topic version.
"""

from datetime import datetime
from typing import Literal

import msgspec

Level = Literal["", "trace", "debug", "info", "warn", "error", "fatal"]
Severity = Literal["info", "warning", "error", "critical"]
View = Literal["novelty", "profile", "sequence"]
SequenceKind = Literal["session", "window"]
AlertStatus = Literal[
    "pending",  # opened, and nobody is told yet: what belongs to it may still come
    "firing",
    "resolved",  # quiet for long enough, or silenced while it fired
    "suppressed",  # silenced from its beginning: nobody is told
]
SilenceSource = Literal["person", "settings", "verdict"]
Reason = Literal[
    "malformed",  # announced or begun as a format that it is not
    "unsupported_type",  # a format or element that carries no log entry
    "too_large",
    "too_deep",
    "binary",  # NUL bytes, or no text at all
    "empty",
    "incomplete",  # a part of a message whose other parts did not come
    "redaction_failed",
    "undeliverable",  # an alert that a target did not take
    "internal",  # a defect of ours; the record is kept so that it can be replayed once that is mended
]


class Position(msgspec.Struct, frozen=True, gc=False):
    """Where a line stands in Kafka; `index` counts the entries of a record that carries a batch, from 0."""

    topic: str
    partition: int
    offset: int
    index: int = 0

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}/{self.index}"


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One log entry as a shipper sent it. Not sanitized: it never leaves the process."""

    message: str
    timestamp: float
    """Event time, Unix seconds."""
    time_source: str
    """The field that gave `timestamp`; `header` or `message` where it stood in the text, else `kafka`."""
    shipper: str
    """What decoded it: beats, cloudwatch, containers, fluent, gelf, logstash, otlp, plain, syslog, vector."""
    host: str = ""
    service: str = ""
    level: Level = ""
    trace: str = ""
    attributes: dict[str, str] = {}
    """What no other field consumed, under its dotted name, as text."""
    flags: tuple[str, ...] = ()
    """What was odd but usable: not_utf8, clock_skew, truncated, unjoined."""


class Rejected(msgspec.Struct, frozen=True):
    """A record, or an element of a batch, that cannot be used. `detail` never quotes the input."""

    reason: Reason
    detail: str
    index: int = 0
    elements: int = 1
    """How many elements its record has, the good ones too."""


class CleanEntry(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A sanitized entry, the value of `logs.clean`; its Kafka key is `sequence`."""

    raw: Position
    timestamp: float
    message: str
    sequence: str
    """The key of the sequence it belongs to: a session id found in it, else `host|service`."""
    kind: SequenceKind = "window"
    host: str = ""
    service: str = ""
    level: Level = ""
    trace: str = ""
    attributes: dict[str, str] = {}
    shipper: str = ""
    time_source: str = ""
    flags: tuple[str, ...] = ()
    rules: str = ""
    """Version of the redaction rules that cleaned it."""


class Cut(msgspec.Struct, frozen=True):
    """A sequence ended for another reason than event time, the value of `sequences`.

    Its lines up to `offset` of the clean topic, in the partition of the same number, are handled.
    """

    group: str
    """The consumer group that handled them."""
    sequence: str
    offset: int


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
    schema_version: int = 1


class Alert(msgspec.Struct, frozen=True):
    """Anomalies of one fingerprint, the value of `alerts`; a later one replaces an earlier of the same key.

    The key is the fingerprint, followed by `/suppressed` where it is suppressed. An incident is an alert, too: its
    fingerprint stands for its service, and `alerts` names those that belong to it.
    """

    id: str
    fingerprint: str
    status: AlertStatus
    severity: Severity
    title: str
    service: str
    hosts: tuple[str, ...]
    count: int
    """Distinct anomalies so far."""
    first_seen: datetime
    last_seen: datetime
    updated_at: datetime
    anomaly: Anomaly
    """The strangest so far."""
    anomaly_ids: tuple[str, ...]
    """The newest, at most 50."""
    opened_at: datetime | None = None
    """By the clock of the worker that opened it."""
    told_at: datetime | None = None
    """When there was last an occasion to tell people; None: there was none."""
    flaps: int = 0
    """How often in a row it came back soon after it had resolved."""
    incident: str = ""
    """Id of the incident that it belongs to, which is told instead."""
    alerts: tuple[str, ...] = ()
    """Ids of the alerts of an incident, the newest 50."""
    members: int = 0
    """How many alerts an incident has had."""
    told_members: int = 0
    """How many of them people know of."""
    silence: str = ""
    """Id of the silence that keeps it from people, or that ended it."""
    reason: str = ""
    """Why it is suppressed, or why it ended where that was not for quiet."""
    runbook: str = ""
    """Where it is written what to do."""
    schema_version: int = 1


class Silence(msgspec.Struct, frozen=True):
    """Alerts that nobody is told of, a value of `feedback` (key: `silence/<id>`); a later one replaces an earlier.

    What is given must hold altogether; without fingerprint, template and match it holds for every anomaly in its time.
    """

    id: str
    owner: str
    reason: str
    created_at: datetime
    until: datetime
    begin: datetime | None = None
    """None: since it was created."""
    fingerprint: str = ""
    template: str = ""
    """Template of the deviating line; where a line is missing, that of the line most expected."""
    match: tuple[str, ...] = ()
    """Conditions on the labels of an anomaly, as in `alerts.routes`."""
    source: SilenceSource = "person"
    ended_by: str = ""
    """Who let it expire before its time."""


class Receipt(msgspec.Struct, frozen=True):
    """A target accepted an alert and can change what it shows, the value of `receipts` (key: `target/alert`)."""

    target: str
    alert: str
    """Id of the alert."""
    reference: str
    """What the target calls it: for Slack `channel/ts`."""
    at: datetime


class Promotion(msgspec.Struct, frozen=True):
    """An alias moved, the value of `models` (key: `model/alias`)."""

    model: str
    alias: str
    version: int
    digest: str
    at: datetime


class Replay(msgspec.Struct, frozen=True):
    """A rejected record goes back to its topic, the value of `replays`; its key is `source`.

    Written before the record is published, and once more, with `done`, when the broker has it.
    """

    id: str
    """The rejected record: topic-partition-offset."""
    source: str
    """What was rejected: topic/partition/offset/elements."""
    partition: int
    """Partition of the raw topic that it goes to."""
    floor: int
    """It stands at this offset or after it, if anywhere."""
    digest: str
    """SHA-256 of its value."""
    at: datetime
    done: bool = False
