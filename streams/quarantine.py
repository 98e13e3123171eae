"""Pure: what cannot be used goes to the rejected topic, its bytes kept and its reason in headers."""

import hashlib
from collections.abc import Sequence
from typing import Final

from deepsentry import __version__, topics
from deepsentry.events import Position, Rejected
from streams.outbox import Outgoing
from streams.shippers import Record

PREFIX: Final = "__deepsentry.errors."
LONGEST: Final = 4 * 1_048_576
"""Bytes of an original value that are kept; a longer one is cut, and its digest tells which it was."""


def quarantine(record: Record, position: Position, rejected: Rejected, stage: str) -> Outgoing:
    """Return what the rejected topic gets: original bytes, key and headers, and why and where in UTF-8 headers."""
    value = record.value or b""
    facts = {
        "topic": position.topic,
        "partition": position.partition,
        "offset": position.offset,
        "index": position.index,
        "timestamp": record.timestamp,
        "stage": stage,
        "reason": rejected.reason,
        "exception.message": rejected.detail[:1024],
        "app.version": __version__,
    }
    if len(value) > LONGEST:
        facts |= {"truncated": "true", "sha256": hashlib.sha256(value).hexdigest(), "length": len(value)}
    headers: Sequence[tuple[str, bytes]] = [
        *record.headers,
        *((PREFIX + name, str(fact).encode("utf-8", "replace")) for name, fact in facts.items()),
    ]
    return Outgoing(topics.REJECTED.name, record.key, value[:LONGEST], headers)
