"""Pure: lines of one partition of the clean topic become sequences; which line opens, joins or closes one.

Shippers spread the lines of one session over the partitions of the raw log, and these do not advance together. So event
time has a clock for each of them, a session is over when the slowest has passed its end, and its lines stand in the
order of their own times.

Everything but `quiet` is a function of the records alone, so a replay from `Resume.begin` rebuilds exactly what was
open. Where a sequence is closed for another reason than event time (its length, memory, wall clock) the caller
publishes a `Cut`, and the replay passes over what lies before it.
"""

import heapq
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Final, Generic, Literal, NamedTuple, TypeVar

from deepsentry.events import CleanEntry
from deepsentry.settings import Sequences
from streams.clock import Clock
from streams.resume import Resume
from streams.sequence import Sequence, order_of

Why = Literal["idle", "cut", "evicted", "quiet"]
NOTE_EVERY: Final = 256
"""Records between two notes of the state from which a replay may begin."""

T = TypeVar("T")


class Closed(NamedTuple, Generic[T]):
    """A sequence that ended, and why."""

    sequence: Sequence[T]
    why: Why
    handled: int
    """Offset of the last line that no sequence still open holds."""

    def cut(self) -> tuple[str, int] | None:
        """Return the key, and the offset up to which a replay must pass it over; None where event time closed it."""
        return None if self.why == "idle" else (self.sequence.key, self.handled)


class Ended(NamedTuple, Generic[T]):
    """What time did: sequences that are over, and sessions that fell silent but may go on."""

    over: list[Closed[T]]
    paused: list[Sequence[T]]


class Added(NamedTuple, Generic[T]):
    """What one line did: what its time ended, what it joined (None: it was handled before), what that filled."""

    ended: Ended[T]
    joined: Sequence[T] | None
    full: list[Closed[T]]


def unknown(_template: int) -> float:
    """Return 0: nothing was learned of how long a session may be silent."""
    return 0.0


class Windows(Generic[T]):
    """The open sequences of one partition.

    `patience` gives for a template how many seconds a session may be silent after it, as learned.
    """

    def __init__(
        self,
        settings: Sequences,
        resume: Resume | None = None,
        handled: Mapping[str, int] | None = None,
        patience: Callable[[int], float] = unknown,
        note_every: int = NOTE_EVERY,
    ) -> None:
        resume = resume or Resume(0)
        self._settings = settings
        self._step = settings.window - settings.window // 2
        self._note_every = note_every
        self.patience = patience
        self._open: OrderedDict[str, Sequence[T]] = OrderedDict()  # least recently touched first
        self._starts: list[tuple[int, str]] = []  # heap; entries of closed sequences are dropped when they surface
        self._looks: list[tuple[float, str]] = []  # heap of `due`; outdated entries likewise
        self._clock = Clock(settings.idle, resume.sources, resume.awake)
        self._handled = dict(handled or {})
        self._next = resume.begin
        self._note = resume

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Sequence[T]]:
        return iter(self._open.values())

    @property
    def clock(self) -> Clock:
        """Event time, as the partitions of the raw log tell it."""
        return self._clock

    def resume(self) -> Resume:
        """Return what rebuilds this state from the records."""
        while self._starts:
            first, key = self._starts[0]
            sequence = self._open.get(key)
            if sequence is not None and sequence.first == first:
                return sequence.resume
            heapq.heappop(self._starts)
        return self._now()

    def add(self, offset: int, arrived: float, entry: CleanEntry, template: int, payload: T) -> Added[T]:
        """Put the line at `offset` into its sequence, after closing what its time shows to be over.

        `arrived` is the broker's time of the record, Unix seconds.
        """
        if offset - self._note.begin >= self._note_every:
            self._note = self._now()
        self._next = offset + 1
        raw = entry.raw
        source = f"{raw.topic}/{raw.partition}"
        fresh = self._clock.tick(source, (raw.offset, raw.index), entry.timestamp, arrived)
        ended = self._expire()
        if not fresh or offset <= self._handled.get(entry.sequence, -1):
            return Added(ended, None, [])
        sequence = self._open.get(entry.sequence)
        if sequence is not None and self._is_over(sequence, entry.timestamp):
            ended.over.append(self._close(sequence, "idle"))
            sequence = None
        if sequence is None:
            sequence = Sequence(entry.sequence, entry.kind, offset, self._note)
            heapq.heappush(self._starts, (offset, entry.sequence))
        sequence.touched = self._clock.leading
        # of a window, nothing may depend on lines that an overlapping one has dropped
        sequence.last = entry.timestamp if entry.kind == "window" else max(sequence.last, entry.timestamp)
        sequence.paused = False
        sequence.insert(order_of(entry), offset, template, payload)
        if len(sequence.offsets) == self._step + 1:
            sequence.middle = self._note
        self._open[entry.sequence] = sequence
        self._open.move_to_end(entry.sequence)
        self._look_at(sequence, sequence.touched + self._settings.idle)
        return Added(ended, sequence, list(self._full(sequence)))

    def quiet(self, silence: float) -> Ended[T]:
        """End what is over when no line came for `silence` seconds of the wall clock, as if time had gone on."""
        ended: Ended[T] = Ended([], [])
        for sequence in list(self._open.values()):
            self._end(sequence, self._clock.leading + silence, "quiet", ended)
        return ended

    def flush(self) -> list[Closed[T]]:
        """Close everything: there will be no more lines."""
        return [self._close(sequence, "quiet") for sequence in list(self._open.values())]

    def _silence(self, sequence: Sequence[T]) -> float:
        """Return for how many seconds a sequence may be silent."""
        if sequence.kind == "window":
            return self._settings.idle
        learned = self.patience(sequence.templates[-1])
        return max(self._settings.idle, min(learned, self._settings.patience))

    def _is_over(self, sequence: Sequence[T], timestamp: float) -> bool:
        if timestamp <= sequence.last + self._settings.idle:
            return False  # the common case, without a look at what was learned
        end = sequence.last + self._silence(sequence)
        return timestamp > end and self._clock.shown > end

    def _expire(self) -> Ended[T]:
        ended: Ended[T] = Ended([], [])
        now = self._clock.reached
        while self._looks and self._looks[0][0] < now:
            due, key = heapq.heappop(self._looks)
            sequence = self._open.get(key)
            if sequence is not None and sequence.due == due:
                sequence.due = float("inf")
                self._end(sequence, now, "idle", ended)
        return ended

    def _end(self, sequence: Sequence[T], now: float, why: Why, ended: Ended[T]) -> None:
        idle = self._settings.idle
        # the newest line counts by its own time, where the clock had not caught up with it; not by a date far ahead
        since = max(sequence.touched, sequence.last) if sequence.last <= now + idle else sequence.touched
        over, pause = since + self._silence(sequence), since + idle
        if now > over:
            ended.over.append(self._close(sequence, why))
        elif now > pause:
            if not sequence.paused:
                sequence.paused = True
                ended.paused.append(sequence)
            self._look_at(sequence, over)
        else:
            self._look_at(sequence, pause)

    def _look_at(self, sequence: Sequence[T], due: float) -> None:
        if due < sequence.due:
            sequence.due = due
            heapq.heappush(self._looks, (due, sequence.key))

    def _full(self, sequence: Sequence[T]) -> Iterator[Closed[T]]:
        length = len(sequence.offsets)
        if sequence.kind == "window" and length >= self._settings.window:
            yield self._slide(sequence)
        elif length >= self._settings.max_length:
            yield self._close(sequence, "cut")
        while len(self._open) > self._settings.max_open:
            yield self._close(next(iter(self._open.values())), "evicted")

    def _slide(self, sequence: Sequence[T]) -> Closed[T]:
        """Close a full window and open the next, overlapping by half: no line stands at the edge of both."""
        step = self._step
        offsets = sequence.offsets[step:]
        rest = Sequence(
            key=sequence.key,
            kind="window",
            first=offsets[0],
            resume=sequence.middle or sequence.resume,
            touched=sequence.touched,
            last=sequence.last,
            orders=sequence.orders[step:],
            offsets=offsets,
            templates=sequence.templates[step:],
            payloads=sequence.payloads[step:],
            judged=len(offsets),
            looked=len(offsets),
            told=sequence.told if sequence.told >= offsets[0] else -1,
        )
        sequence.successor = rest
        self._open[rest.key] = rest
        heapq.heappush(self._starts, (rest.first, rest.key))
        self._look_at(rest, rest.touched + self._settings.idle)
        return Closed(sequence, "cut", sequence.offsets[step - 1])

    def _close(self, sequence: Sequence[T], why: Why) -> Closed[T]:
        del self._open[sequence.key]
        return Closed(sequence, why, max(sequence.offsets))

    def _now(self) -> Resume:
        return Resume(self._next, self._clock.newest(), self._clock.awake)
