"""Pure: an open sequence, its lines in their order."""

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from deepsentry.events import CleanEntry, SequenceKind
from streams.resume import Resume

LONGEST_PLACE: Final = 19
"""Digits of an offset in a file."""
MOST: Final = 10**LONGEST_PLACE

T = TypeVar("T")
Order = tuple[float, int, str, int, int, int]
"""Event time, place in its file, and position in the raw log."""


@dataclass(slots=True)
class Sequence(Generic[T]):
    """An open sequence: sessions in the order of event time, windows in the order of arrival.

    `payloads` holds whatever the caller keeps of each line, beside its offset and template.
    """

    key: str
    kind: SequenceKind
    first: int
    """Offset of the line that came first; a replay must begin there or before."""
    resume: Resume
    """A state before that line."""
    touched: float = 0.0
    """Event time of the stream when its newest line came."""
    last: float = 0.0
    """The latest time of its lines; of a window, the time of the newest."""
    due: float = float("inf")
    """Event time at which it is looked at next."""
    paused: bool = False
    """True from when it was silent for the idle time until its next line."""
    orders: list[Order] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    templates: list[int] = field(default_factory=list)
    payloads: list[T] = field(default_factory=list)
    judged: int = 0
    """How many lines had been judged when it was judged last."""
    looked: int = 0
    """How many lines were looked at for new templates."""
    told: int = -1
    """Offset of the line at which people were told, -1 before."""
    middle: Resume | None = None
    """A state before the line with which the next, overlapping window begins."""
    successor: "Sequence[T] | None" = None
    """The overlapping window that followed it."""

    def tell(self, offset: int) -> None:
        """Note that people were told at the line of `offset`, which an overlapping window need not repeat."""
        self.told = offset
        if self.successor is not None and offset >= self.successor.offsets[0]:
            self.successor.tell(offset)

    def settled(self, time: float) -> int:
        """Return how many lines from the first on can have none between them any more, when it is `time`."""
        if self.kind == "window":
            return len(self.offsets)
        return bisect_right(self.orders, (time, MOST, "", 0, 0, 0))

    def insert(self, order: Order, offset: int, template: int, payload: T) -> None:
        """Put a line into its place."""
        place = len(self.orders)
        if self.kind == "session" and place and order < self.orders[-1]:
            place = bisect_right(self.orders, order)
        self.orders.insert(place, order)
        self.offsets.insert(place, offset)
        self.templates.insert(place, template)
        self.payloads.insert(place, payload)


def order_of(entry: CleanEntry) -> Order:
    """Return where a line stands among those of its session; the place in its file orders lines of one second."""
    place = entry.attributes.get("log.offset", "")
    line = int(place) if place.isdecimal() and len(place) < LONGEST_PLACE else 0
    raw = entry.raw
    return (entry.timestamp, line, raw.topic, raw.partition, raw.offset, raw.index)
