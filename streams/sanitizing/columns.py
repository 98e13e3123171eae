"""Pure: default Filebeat records in which nothing is masked, a column at a time; everything else goes the plain way.

Such records are most of the traffic. What a line shows beside its digits (its level, where its session id stands) is
the same on many lines, and so are hosts, files and times: the plain functions find each out once, and it is remembered.
"""

import contextlib
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Final, NamedTuple, Protocol, overload

from deepsentry import wire
from deepsentry.events import CleanEntry, Level, Position, SequenceKind
from deepsentry.sections import Ingest
from streams.redaction import Redactor
from streams.sanitizing.sanitize import Located, Sanitized, Sanitizer
from streams.shippers import Record, beats, levels, rules_of
from streams.shippers.entries import stands
from streams.shippers.record import MAX_RECORD_FACTOR
from streams.shippers.times import MAX_SKEW
from streams.windowing.keying import LONGEST as LONGEST_KEY
from streams.windowing.keying import Keyer, bounded

MOST_SHAPES: Final = 50_000
MOST_PLACES: Final = 20_000
MOST_TIMES: Final = 4096
LONGEST: Final = 1000
"""Bytes of a line whose shape is remembered, and of a host and a path that are."""
_ZEROS: Final = bytes.maketrans(b"123456789", b"000000000")
_offset: Final = attrgetter("raw.offset")
_headers: Final = attrgetter("headers")


class Fetched(Protocol):
    """A record as it was fetched; its time in milliseconds."""

    @property
    def offset(self) -> int:
        """Its place in the partition."""

    @property
    def timestamp(self) -> int:
        """When it was stored."""

    @property
    def key(self) -> bytes | None:
        """Its key."""

    @property
    def value(self) -> bytes | None:
        """What a shipper sent."""

    @property
    def headers(self) -> Sequence[tuple[str, bytes]]:
        """Its headers."""


class Chunk(Sequence[Located]):
    """Records of one partition as they were fetched; one that is looked at becomes a Located."""

    def __init__(self, topic: str, partition: int, fetched: Sequence[Fetched]) -> None:
        self.topic = topic
        self.partition = partition
        self.fetched = fetched

    def __len__(self) -> int:
        return len(self.fetched)

    @overload
    def __getitem__(self, place: int) -> Located: ...
    @overload
    def __getitem__(self, place: slice) -> list[Located]: ...
    def __getitem__(self, place: int | slice) -> Located | list[Located]:
        if isinstance(place, slice):
            return list(map(self._located, self.fetched[place]))
        return self._located(self.fetched[place])

    def __iter__(self) -> Iterator[Located]:
        return map(self._located, self.fetched)

    def _located(self, each: Fetched) -> Located:
        record = Record(each.value, each.key, tuple(each.headers), each.timestamp / 1000, self.topic)
        return Located(record, self.partition, each.offset)


class _Shape(NamedTuple):
    """What lines have in common that differ in their digits only."""

    fits: bool
    """Whether they become entries as they stand."""
    level: Level = ""
    start: int = -1
    """Where the id of the session stands; -1 where there is none."""
    end: int = -1
    fixed: bool = True
    """Whether it stands at the same place in all of them."""


class _Place(NamedTuple):
    """A host and a file that hold no secret, as an entry names them, and the key of their windows."""

    host: str
    service: str
    window: str


class Columns:
    """Gives what the plain sanitizer gives, sooner."""

    def __init__(self, plain: Sanitizer, redactor: Redactor, ingest: Ingest) -> None:
        """`redactor` is that of `plain`, whose decoder reads as `ingest` says."""
        self._plain = plain
        self._redactor = redactor
        self._rules = rules_of(ingest)
        self._longest = ingest.max_line_bytes * MAX_RECORD_FACTOR
        self._fixed = {topic for topic, name in ingest.formats.items() if name != "auto"}
        self._shapes: dict[bytes, _Shape] = {}
        self._places: dict[tuple[str, str], _Place] = {}
        self._times: dict[str, float | None] = {}

    @property
    def keyer(self) -> Keyer:
        """What finds the ids of sessions."""
        return self._plain.keyer

    @keyer.setter
    def keyer(self, keyer: Keyer) -> None:
        self._plain.keyer = keyer
        self._shapes.clear()

    def sanitize(self, records: Sequence[Located]) -> Sanitized:
        """Return what becomes of `records`; never raises for anything in them."""
        if isinstance(records, Chunk) and len(records) and records.topic not in self._fixed:
            with contextlib.suppress(Exception):  # the plain way finds out which line it was, and says so
                return self._sanitized(records)
        return self._plain.sanitize(records)

    def _sanitized(self, chunk: Chunk) -> Sanitized:
        fetched = chunk.fetched
        values = [record.value or b"" for record in fetched]
        if max(map(len, values)) > self._longest or any(map(_headers, fetched)):
            return self._plain.sanitize(chunk)
        events = wire.decode_each(beats.Default, values)
        messages = ["" if event is None else event.message for event in events]
        shapes = "\0".join(messages).encode("utf-8", "replace").translate(_ZEROS).split(b"\0")
        if not any(messages) or len(shapes) != len(messages):
            return self._plain.sanitize(chunk)
        changed = self._redactor.masked(messages)
        clean: list[CleanEntry] = []
        rest: list[Fetched] = []
        asked: dict[tuple[str, str], int] = {}
        latest = min(record.timestamp for record in fetched) / 1000 + MAX_SKEW
        topic, partition, rules = chunk.topic, chunk.partition, self._redactor.version
        known, places, times = self._shapes, self._places, self._times
        keyer = self.keyer
        kind: SequenceKind
        for number, (record, event, message, zeros) in enumerate(zip(fetched, events, messages, shapes, strict=True)):
            fits, level, start, end, fixed = known.get(zeros) or self._shape(zeros, message)
            if event is None or not fits or number in changed:
                rest.append(record)
                continue
            said = (event.host.name, event.log.file.path)
            place = places.get(said)
            stamp = event.timestamp
            time = times[stamp] if stamp in times else self._time(stamp)
            offset = event.log.offset
            if place is None or time is None or time > latest or type(offset) is not int or offset < 0:
                asked.setdefault(said, record.offset)
                rest.append(record)
                continue
            host, service, window = place
            found = message[start:end] if fixed else keyer.find(message)
            if found:
                sequence, kind = (keyer.session(found, host) if keyer.local else found), "session"
            else:
                sequence, kind = window, "window"
            clean.append(
                CleanEntry(
                    Position(topic, partition, record.offset, 0),
                    time,
                    message,
                    sequence,
                    kind,
                    host,
                    service,
                    level,
                    "",
                    {"log.offset": str(offset)},
                    "beats",
                    "@timestamp",
                    (),
                    rules,
                )
            )
        if not rest:
            return Sanitized(clean)
        done = self._plain.sanitize(Chunk(topic, partition, rest))
        self._learn(asked, done.clean)
        done.clean = sorted(clean + done.clean, key=_offset)
        return done

    def _shape(self, zeros: bytes, message: str) -> _Shape:
        keyer = self.keyer
        if not message or message[0] == " " or not stands(message, self._rules):
            shape = _Shape(fits=False)
        elif keyer.blind and message.isascii():
            start, end = keyer.span(message)
            fixed = end - start <= LONGEST_KEY
            shape = _Shape(fits=True, level=levels.from_message(message), start=start, end=end, fixed=fixed)
        else:
            shape = _Shape(fits=True, level=levels.from_message(message), fixed=False)
        if len(zeros) <= LONGEST:
            if len(self._shapes) >= MOST_SHAPES:
                self._shapes.clear()
            self._shapes[zeros] = shape
        return shape

    def _time(self, stamp: str) -> float | None:
        if len(self._times) >= MOST_TIMES:
            self._times.clear()
        time = self._times[stamp] = beats.seconds(stamp, self._rules.zone)
        return time

    def _learn(self, asked: dict[tuple[str, str], int], plain: Sequence[CleanEntry]) -> None:
        """Remember the hosts and files that came through the plain way as they were sent."""
        first = {entry.raw.offset: entry for entry in plain} if asked else {}
        for said, offset in asked.items():
            entry = first.get(offset)
            names = tuple(map(beats.name, said))
            if entry is None or (entry.host, entry.service) != names or entry.attributes.keys() != {"log.offset"}:
                continue
            if all(names) and sum(map(len, said)) <= LONGEST:
                if len(self._places) >= MOST_PLACES:
                    self._places.clear()
                self._places[said] = _Place(entry.host, entry.service, bounded(f"{entry.host}|{entry.service}"))
