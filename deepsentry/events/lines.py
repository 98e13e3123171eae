"""What becomes of a record: an entry, a clean entry, or one that is rejected; and how it comes back."""

from datetime import datetime
from typing import Literal

import msgspec

Level = Literal["", "trace", "debug", "info", "warn", "error", "fatal"]
SequenceKind = Literal["session", "window"]
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
