"""Pure: what cannot be used goes to the rejected topic, its bytes kept and its reason in headers; and is read there."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from deepsentry import __version__, topics
from deepsentry.events import Position, Rejected
from deepsentry.kafka import Stored
from streams.deadletters import elements
from streams.sanitizing.sanitize import Located
from streams.shippers import Record
from streams.transport.outbox import Outgoing

PREFIX: Final = "__deepsentry.errors."
LONGEST: Final = 4 * 1_048_576
"""Bytes of an original value that are kept; a longer one is cut, and its digest tells which it was."""
_FIRST: Final = PREFIX + "topic"
"""The first of our headers; whatever a shipper sent stands before the last of this name."""
_NUMBER: Final = re.compile(r"[0-9]{1,18}")
_SECONDS: Final = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?")


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A record of the rejected topic; `key`, `value` and `headers` are the original ones."""

    id: str
    """topic-partition-offset, where it stands now."""
    at: float
    """When it was rejected, Unix seconds."""
    source: Position
    elements: str
    """Which elements of a batch, such as `1,3-7`."""
    count: int
    """How many elements the batch has, 1 where the record as a whole is meant."""
    timestamp: float
    """When the source topic got it, Unix seconds, 0 where it is not said."""
    stage: str
    reason: str
    detail: str
    length: int
    """Bytes of the original value."""
    cut: bool
    """Whether `value` is only its first LONGEST bytes."""
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]

    @property
    def origin(self) -> str:
        """Name what was rejected; the same for one that an interrupted worker rejected twice."""
        source = self.source
        return f"{source.topic}/{source.partition}/{source.offset}/{self.elements}"


def quarantine(record: Record, position: Position, rejected: Rejected, stage: str, which: str = "") -> Outgoing:
    """Return what the rejected topic gets: original bytes, key and headers, and why and where in UTF-8 headers.

    `which` names the elements of a batch where there is more than the one of `position`.
    """
    value = record.value or b""
    facts = {
        "topic": position.topic,
        "partition": position.partition,
        "offset": position.offset,
        "index": which or position.index,
        "elements": rejected.elements,
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


def gathered(rejected: Iterable[tuple[Located, Rejected]], stage: str) -> Iterator[Outgoing]:
    """Yield what the rejected topic gets of a chunk: a batch once for each reason, not once for each element.

    The bytes of a batch would otherwise be copied up to ten thousand times.
    """
    groups: dict[tuple[int, int, str], list[tuple[Located, Rejected]]] = {}
    for located, each in rejected:
        groups.setdefault((located.partition, located.offset, each.reason), []).append((located, each))
    for group in groups.values():
        located, first = group[0]
        which = elements.to_text(each.index for _, each in group)
        yield quarantine(located.record, located.position(first.index), first, stage, which)


def parse(stored: Stored) -> Quarantined | None:
    """Return what a record of the rejected topic says, None where another program put it there; never raises."""
    begin = max((n for n, (name, _) in enumerate(stored.headers) if name == _FIRST), default=None)
    if begin is None:
        return None
    facts = {name.removeprefix(PREFIX): value.decode("utf-8", "replace") for name, value in stored.headers[begin:]}
    numbers = {
        name: int(facts[name])
        for name in ("partition", "offset", "elements", "length")
        if _NUMBER.fullmatch(facts.get(name, ""))
    }
    which = elements.from_text(facts.get("index", ""))
    if which is None or not {"partition", "offset"} <= numbers.keys():
        return None
    since = facts.get("timestamp", "")
    return Quarantined(
        id=f"{stored.topic}-{stored.partition}-{stored.offset}",
        at=stored.timestamp,
        source=Position(facts["topic"], numbers["partition"], numbers["offset"], min(which)),
        elements=elements.to_text(which),
        count=numbers.get("elements", 1),
        timestamp=float(since) if _SECONDS.fullmatch(since) else 0.0,
        stage=facts.get("stage", ""),
        reason=facts.get("reason", ""),
        detail=facts.get("exception.message", ""),
        length=numbers.get("length", len(stored.value)),
        cut=facts.get("truncated") == "true",
        key=stored.key,
        value=stored.value,
        headers=stored.headers[:begin],
    )
