"""Pure: an open sequence, its lines in their order, packed: a million of them may be open at once."""

import struct
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from msgspec import Meta

from deepsentry.events import CleanEntry, SequenceKind
from streams.windowing.resume import Note

LONGEST_PLACE: Final = 18
"""Digits of an offset in a file."""
_MOST_OFFSETS: Final = 2**63 - 1
EARLIEST: Final = -62_135_596_800
LATEST: Final = 253_402_300_800
"""Unix seconds of the years 1 and 10000, between which a date can be written."""
_RECORD: Final = struct.Struct("<dqqqiii")
SIZE: Final = _RECORD.size
_TIME: Final = struct.Struct("<d")
_KEY: Final = struct.Struct("<dq")
_KEYS: Final = 2
"""Time and place, by which lines are ordered first."""
_OFFSET: Final = struct.Struct("<q")
_OFFSET_AT: Final = 24
_TIMED: Final = struct.Struct("<d32xi")
"""Time and template of a line."""
_TEMPLATE: Final = struct.Struct("<40xi")
_TEMPLATE_ONLY: Final = struct.Struct("<i")
_TEMPLATE_AT: Final = 40


class InRaw(msgspec.Struct, frozen=True, gc=False):
    """The place of a line in the raw log, a `Position` whose numbers are bounded."""

    topic: str
    partition: Annotated[int, Meta(ge=0, lt=2**31)]
    offset: Annotated[int, Meta(ge=0, lt=_MOST_OFFSETS)]
    index: Annotated[int, Meta(ge=0, lt=2**31)] = 0


class InFile(msgspec.Struct, frozen=True, gc=False):
    """The attribute that says where in its file a line stood."""

    offset: str = msgspec.field(default="", name="log.offset")


class CleanLine(msgspec.Struct, frozen=True, gc=False):
    """What the score step reads of every `CleanEntry`; the rest stays undecoded until it has to be shown."""

    raw: InRaw
    timestamp: Annotated[float, Meta(gt=EARLIEST, lt=LATEST)]
    message: str
    sequence: str
    kind: SequenceKind = "window"
    attributes: InFile = InFile()

    @classmethod
    def of(cls, entry: CleanEntry) -> "CleanLine":
        """Return the same of a decoded entry."""
        place = InFile(entry.attributes.get("log.offset", ""))
        raw = InRaw(entry.raw.topic, entry.raw.partition, entry.raw.offset, entry.raw.index)
        return cls(raw, entry.timestamp, entry.message, entry.sequence, entry.kind, place)

    def place(self) -> int:
        """Return where the line stood in its file, which orders the lines of one second; 0 where that is not known."""
        text = self.attributes.offset
        return int(text) if text.isdecimal() and len(text) <= LONGEST_PLACE else 0


class Stored(NamedTuple):
    """A line of a sequence: its event time, places in its file and in the raw log, and offset in the clean topic."""

    time: float
    place: int
    raw: int
    """Offset in the raw log."""
    offset: int
    source: int
    """Number of its partition of the raw log, as the one who keeps the sequences counts them."""
    entry: int
    """Number of the entry in its record of the raw log."""
    template: int
    """Its statement, by the detector's number."""


Rank = Callable[[int], tuple[str, int]]
"""Source -> topic and partition, by which lines that agree in time and place are ordered."""


class Sequence(msgspec.Struct, eq=False, gc=False):
    """An open sequence: sessions in the order of event time, windows in the order of arrival."""

    key: str
    kind: SequenceKind
    note: Note
    """A state before its first line; a replay must begin there or before."""
    touched: float = 0.0
    """Event time of the stream when its newest line came."""
    last: float = float("-inf")
    """The latest time of its lines; of a window, the time of the newest."""
    due: float = float("inf")
    """Event time at which it is looked at next."""
    open: bool = True
    paused: bool = False
    """True from when it was silent for the idle time until its next line."""
    packed: bytes = b""
    """The lines, one `Stored` after the other; most sequences are short, and a bytearray takes 40 bytes more."""
    judged: int = 0
    """How many lines had been judged when it was judged last."""
    news: float = float("inf")
    """The earliest time of a new statement that was not judged yet."""
    told: int = -1
    """Offset of the line at which people were told, -1 before."""
    middle: Note | None = None
    """A state before the line with which the next, overlapping window begins."""
    successor: "Sequence | None" = None
    """The overlapping window that followed it."""

    def __len__(self) -> int:
        return len(self.packed) // SIZE

    @property
    def templates(self) -> list[int]:
        """Statements of the lines in their order, made anew."""
        return [template for (template,) in _TEMPLATE.iter_unpack(self.packed)]

    @property
    def offsets(self) -> list[int]:
        """Offsets in the clean topic, in the order of the lines."""
        return offsets(self.packed)

    def time(self, place: int) -> float:
        """Return the event time of the line at `place`."""
        return float(_TIME.unpack_from(self.packed, place * SIZE)[0])

    @property
    def last_template(self) -> int:
        """The statement of the last line."""
        return int(_TEMPLATE_ONLY.unpack_from(self.packed, -_TEMPLATE_ONLY.size)[0])

    def rename(self, templates: Iterable[int]) -> None:
        """Give the lines other statements, one for each in their order."""
        packed = bytearray(self.packed)
        for place, template in enumerate(templates):
            _TEMPLATE_ONLY.pack_into(packed, place * SIZE + _TEMPLATE_AT, template)
        self.packed = bytes(packed)

    def after(self, place: int) -> Iterator[tuple[float, int]]:
        """Yield event time and statement of each line from `place` on."""
        return _TIMED.iter_unpack(memoryview(self.packed)[place * SIZE :])

    def has_grown(self, by: int, time: float) -> bool:
        """Tell whether `by` lines of a session that were not judged can have none between them, when it is `time`."""
        newest = self.judged + by - 1
        return newest < len(self) and self.time(newest) <= time

    def tell(self, offset: int) -> None:
        """Note that people were told at the line of `offset`, which an overlapping window need not repeat."""
        self.told = offset
        if self.successor is not None and offset >= offset_at(self.successor.packed, 0):
            self.successor.tell(offset)

    def settled(self, time: float) -> int:
        """Return how many lines from the first on can have none between them any more, when it is `time`."""
        length = len(self)
        if self.kind == "window" or self.last <= time:
            return length
        low = 0
        while low < length:
            middle = (low + length) // 2
            if self.time(middle) <= time:
                low = middle + 1
            else:
                length = middle
        return low

    def add(self, line: CleanLine, offset: int, source: int, template: int, rank: Rank) -> None:
        """Put a line into its place."""
        raw, time, place = line.raw, line.timestamp, line.place()
        # of a window, nothing may depend on lines that an overlapping one has dropped
        if time > self.last or self.kind == "window":
            self.last = time
            self.packed += _RECORD.pack(time, place, raw.offset, offset, source, raw.index, template)
            return
        mine = (time, place, raw.offset, offset, source, raw.index, template)
        at = self._place_of(mine, rank) * SIZE
        self.packed = self.packed[:at] + _RECORD.pack(*mine) + self.packed[at:]

    def _place_of(self, mine: tuple[Any, ...], rank: Rank) -> int:
        """Return where a line of a session, as it is stored, has to stand; most come late by few places, if at all."""
        packed = self.packed
        low, high = 0, len(self)
        middle = high - 1
        key = mine[:_KEYS]
        while low < high:
            other = _KEY.unpack_from(packed, middle * SIZE)
            if other < key or (other == key and _follows(mine, _RECORD.unpack_from(packed, middle * SIZE), rank)):
                low = middle + 1
            else:
                high = middle
            middle = (low + high) // 2
        return low


def _follows(mine: tuple[Any, ...], other: tuple[Any, ...], rank: Rank) -> bool:
    """Tell whether a line, as it is stored, stands behind another of the same time and place."""
    if mine[4] == other[4]:
        return bool((mine[2], mine[5]) >= (other[2], other[5]))
    return rank(mine[4]) > rank(other[4])


def stored(packed: bytes, place: int) -> Stored:
    """Return the line at `place`."""
    return Stored._make(_RECORD.unpack_from(packed, place * SIZE))


def offset_at(packed: bytes, place: int) -> int:
    """Return the offset of the line at `place`."""
    return int(_OFFSET.unpack_from(packed, place * SIZE + _OFFSET_AT)[0])


def offsets(packed: bytes) -> list[int]:
    """Return the offsets in the clean topic of packed lines."""
    return [record[3] for record in _RECORD.iter_unpack(packed)]
