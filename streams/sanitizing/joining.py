"""Pure: the parts of a message are put together before it is redacted, for half a secret is known to no rule.

Parts wait for their others within their partition. While one waits, no offset from its own on may be committed
(docs/decisions/0012): what waits is read again after a crash.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import re2

from deepsentry.errors import SettingsError
from deepsentry.sections import Ingest
from streams.sanitizing.sanitize import Located, Sanitized, Sanitizes
from streams.shippers import Record, parts, sniff, text

MAX_OPEN: Final = 1000
"""Messages of one partition that wait for parts."""
MAX_BYTES: Final = 16 * 1_048_576
"""Bytes of all parts of one partition that wait."""
MAX_AGE: Final = 60.0
"""Seconds, by the records' own time, that a part is waited for."""
MAX_BEHIND: Final = 10_000
"""Records of the partition in which the next part must come: clocks jump, offsets do not."""

_OF_PARTS: Final = frozenset(("incomplete", "empty", "binary"))
"""What is said of parts that are no lines by themselves."""
Partition = tuple[str, int]


@dataclass(slots=True)
class _Waiting:
    """A message that is not whole yet."""

    first: Located
    part: parts.Part
    pieces: dict[int, Located] = field(default_factory=dict)
    """The chunks of GELF by their place."""
    said: bytearray = field(default_factory=bytearray)
    """The text of a line so far."""
    size: int = 0
    records: int = 0
    ended: bool = False
    """Whether its last line is whole, and only a line that continues it can come."""


@dataclass(slots=True)
class _Partition:
    """What waits in a partition, the oldest first."""

    messages: dict[tuple[str, ...], _Waiting] = field(default_factory=dict)
    size: int = 0
    read: int = -1
    """The newest offset."""

    def take(self, source: tuple[str, ...]) -> _Waiting:
        message = self.messages.pop(source)
        self.size -= message.size
        return message


class Joiner:
    """Sanitizes the chunks of any partitions; a chunk has records of one partition, in order."""

    def __init__(self, sanitizer: Sanitizes, ingest: Ingest) -> None:
        """Raise SettingsError where `ingest.continuation` is no RE2 pattern."""
        self.sanitizer = sanitizer
        self._formats = dict(ingest.formats)
        self._longest = ingest.max_line_bytes
        self._continues = _continuation(ingest.continuation) if ingest.continuation else None
        self._partitions: dict[Partition, _Partition] = {}

    def sanitize(self, records: Sequence[Located]) -> Sanitized:
        """Return what becomes of `records` and of the messages that they complete.

        Where no part is in sight this is the sanitizer's own step. A chunk in which the first part shows is done again.
        """
        if not records:
            return Sanitized()
        partition = (records[0].record.topic, records[0].partition)
        if partition in self._partitions and records[0].offset <= self._partitions[partition].read:
            del self._partitions[partition]  # reading began anew
        if partition not in self._partitions and self._continues is None:
            done = self.sanitizer.sanitize(records)
            if not _shows_parts(done):
                return done
        waiting = self._partitions.setdefault(partition, _Partition())
        joined = list(self._joined(waiting, records))
        waiting.read = records[-1].offset
        if not waiting.messages:
            del self._partitions[partition]
        return self.sanitizer.sanitize(joined)

    def held(self, partition: Partition) -> int | None:
        """Return the first offset of `partition` that waits, None where none does."""
        waiting = self._partitions.get(partition)
        return next(iter(waiting.messages.values())).first.offset if waiting is not None else None

    def flush(self, partition: Partition) -> Sanitized:
        """Return what waits in `partition`, as parts: nothing comes any more."""
        left = self._partitions.pop(partition, _Partition()).messages.values()
        return self.sanitizer.sanitize([located for each in left for located in _given_up(each)])

    def waiting(self) -> list[Partition]:
        """Return the partitions in which parts wait."""
        return list(self._partitions)

    def forget(self) -> None:
        """Start anew: partitions were given out again, and what waits is read again by whoever has them."""
        self._partitions.clear()

    def _joined(self, waiting: _Partition, records: Sequence[Located]) -> Iterator[Located]:
        for located in records:
            yield from _expired(waiting, located)
            part = self._part(located.record)
            message = waiting.messages.get(part.source) if part is not None else None
            if part is not None and message is not None and message.ended and not self._goes_on(part):
                yield _whole(waiting.take(part.source))
                message = None
            if part is None or (part.last and message is None and (self._continues is None or part.of)):
                yield located
                continue
            if message is None:
                message = waiting.messages[part.source] = _Waiting(located, part)
            elif part.of and (part.of != message.part.of or part.place in message.pieces):
                yield located  # a chunk that is there already, or of another message by the same id
                continue
            waiting.size -= message.size
            complete = self._add(message, part, located)
            waiting.size += message.size
            if complete and (self._continues is None or part.of):
                yield _whole(waiting.take(part.source))

    def _part(self, record: Record) -> parts.Part | None:
        try:
            return parts.read(record, sniff.declared(record, self._formats))
        except Exception:  # noqa: BLE001 - one record must not stop a partition; the decoder says what is wrong with it
            return None

    def _goes_on(self, part: parts.Part) -> bool:
        return self._continues is not None and self._continues(part.text)

    def _add(self, message: _Waiting, part: parts.Part, located: Located) -> bool:
        """Add a part; return whether the message is whole, but for lines that continue it."""
        message.records += 1
        if part.of:
            message.pieces[part.place] = located
            message.size += len(part.text)
            return len(message.pieces) == part.of
        said = b"\n" + part.text if message.ended else part.text
        message.ended = part.last
        # what is longer is cut by the decoder anyway, so one byte more than the limit is enough to say so
        message.said += said[: max(0, self._longest + 1 - len(message.said))]
        message.size = len(message.said)
        return part.last


def _continuation(pattern: str) -> Callable[[bytes], bool]:
    options = re2.Options()
    options.log_errors = False
    try:
        found = re2.compile(pattern.encode(), options)
    except re2.error as error:
        message = f"ingest.continuation: {pattern!r} is not a pattern of the RE2 dialect: {error}"
        raise SettingsError(message) from None
    return lambda text: found.match(text) is not None


def _whole(message: _Waiting) -> Located:
    if message.records == 1 and not message.part.of:
        return message.first  # as it came
    said = bytes(message.said)
    if message.part.of:
        values = (message.pieces[place].record.value for place in sorted(message.pieces))
        said = b"".join(parts.chunk_text(value or b"") for value in values)
    return _placed(message, said, complete=True)


def _placed(message: _Waiting, said: bytes, *, complete: bool) -> Located:
    """Return the record of the message, in the place of its first part."""
    record = parts.whole(message.part, message.first.record, said, complete=complete)
    return Located(record, message.first.partition, message.first.offset)


def _expired(waiting: _Partition, now: Located) -> Iterator[Located]:
    """Give up the oldest while it is too old, or what waits is too much."""
    while waiting.messages:
        source, oldest = next(iter(waiting.messages.items()))
        if not (
            now.record.timestamp - oldest.first.record.timestamp > MAX_AGE
            or now.offset - oldest.first.offset > MAX_BEHIND
            or len(waiting.messages) > MAX_OPEN
            or waiting.size > MAX_BYTES
        ):
            return
        yield from _given_up(waiting.take(source))


def _given_up(message: _Waiting) -> Iterator[Located]:
    """Yield chunks as they came, to be rejected, and of a line what there is, without the token that is cut."""
    if message.part.of:
        yield from message.pieces.values()
    elif message.ended:
        yield _whole(message)
    else:
        said = text.without_last_token(text.read(bytes(message.said))[0]).encode("utf-8", "replace")
        yield _placed(message, said, complete=False)


def _shows_parts(done: Sanitized) -> bool:
    return "unjoined" in done.flags or any(rejected.reason in _OF_PARTS for _, rejected in done.rejected)
