"""What comes in: a Kafka record as bytes, and what an operator fixed about reading it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final

import msgspec

from deepsentry.events import Entry, Rejected

MAX_RECORD_FACTOR: Final = 8
"""A record longer than so many times the longest message is not read; it leaves room for envelopes and batches."""
MAX_BATCH: Final = 10_000
"""Elements of one record that are read."""
MAX_DEPTH: Final = 32
"""Objects and lists inside one another; real envelopes stay below 10."""


class Record(msgspec.Struct, frozen=True, gc=False):
    """One Kafka record; `timestamp` is the record's own, Unix seconds, 0 or less where it has none."""

    value: bytes | None
    key: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    timestamp: float
    topic: str


@dataclass(frozen=True, slots=True)
class Rules:
    """How this decoder reads: the zone of times that name none, and the longest message in UTF-8 bytes."""

    zone: tzinfo
    max_line_bytes: int


Decode = Callable[[Record], list[Entry | Rejected]]


def header(record: Record, name: str) -> str:
    """Return the first header `name` (lower case; case is ignored) that has a value, as text; empty where none has."""
    for key, value in record.headers:
        if value and key.lower() == name:  # the client gives None for a header without a value
            return value.decode("utf-8", "replace").strip()
    return ""
