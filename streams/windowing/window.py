"""Pure: lines of one partition of the clean topic become sequences; which line opens, joins or closes one.

Shippers spread the lines of one session over the partitions of the raw log, and these do not advance together. So event
time has a clock for each of them, a session is over when the slowest has passed its end, and its lines stand in the
order of their own times.

Everything but `quiet` is a function of the records alone, so a replay from `Resume.begin` rebuilds exactly what was
open. Where a sequence is closed for another reason than event time (its length, memory, wall clock) the caller
publishes a `Cut`, and the replay passes over what lies before it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Final, Literal, NamedTuple

import numpy as np

from deepsentry.sections import Sequences
from streams.windowing.clock import Clock, source_name
from streams.windowing.looks import Looks
from streams.windowing.resume import Note, Resume
from streams.windowing.sequence import SIZE, CleanLine, Sequence, offset_at

Why = Literal["idle", "cut", "evicted", "quiet"]
NOTE_EVERY: Final = 256
"""Records between two notes of the state from which a replay may begin."""
MANY_NOTES: Final = 1024
"""For each so many notes in use their distance doubles: what waits for a day must not keep a million of them."""
SHARE: Final = 32
"""One in so many of the open sequences makes room for others where there are too many."""
_NEVER: Final = float("inf")


class Closed(NamedTuple):
    """A sequence that ended, and why."""

    sequence: Sequence
    why: Why
    kept: int = 0
    """How many of its last lines the overlapping window that follows it holds, too."""

    def released(self) -> list[int]:
        """Return the offsets that no open sequence holds any more."""
        offsets = self.sequence.offsets
        return offsets[: len(offsets) - self.kept]

    def cut(self) -> tuple[str, int] | None:
        """Return the key, and the offset up to which a replay must pass it over; None where event time closed it."""
        return None if self.why == "idle" else (self.sequence.key, max(self.released()))


@dataclass(slots=True)
class Ended:
    """What ended with a line or with time: sequences that are over, and sessions that fell silent but may go on."""

    over: list[Closed] = field(default_factory=list)
    paused: list[Sequence] = field(default_factory=list)
    reached: list[Sequence] = field(default_factory=list)
    """Sessions that go on, and whose new statement time has reached."""


def unknown(_template: int) -> float:
    """Return 0: nothing was learned of how long a session may be silent."""
    return 0.0


class Windows:
    """The open sequences of one partition.

    `patience` gives for a template how many seconds a session may be silent after it, as learned. `most_open` and
    `most_lines` bound what is held; beyond that the sequences that were touched longest ago are evicted.
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
        self._idle = settings.idle
        self._step = settings.window - settings.window // 2
        self._long = min(self._step + 1, settings.max_length)
        self._note_every = note_every
        self.patience = patience
        self.most_open, self.most_lines = settings.max_open, settings.max_lines
        self.lines = 0
        """Lines of all open sequences."""
        self._open: dict[str, Sequence] = {}
        self._looks = Looks(self._due)
        self.clock = Clock(settings.idle, resume.sources, resume.awake)
        """Event time, as the partitions of the raw log tell it."""
        self._handled = dict(handled or {})
        self._next = resume.begin
        self._note = Note(resume)
        self._notes = {resume.begin: self._note}  # those in use, the oldest first, and the newest
        self._note_at = resume.begin + note_every
        self._sources: list[tuple[str, int]] = []
        self._source_of: dict[tuple[str, int], int] = {}
        self._source, self._partition, self._topic, self._name = -1, -1, "", ""

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Sequence]:
        return iter(self._open.values())

    def resume(self) -> Resume:
        """Return what rebuilds this state from the records."""
        return next((note.resume for note in self._notes.values() if note.open), None) or self._now()

    def position(self, source: int) -> tuple[str, int]:
        """Return topic and partition of the raw log of a line whose `Stored.source` this is."""
        return self._sources[source]

    def add(self, offset: int, arrived: float, line: CleanLine, template: int) -> tuple[Sequence | None, Ended | None]:
        """Put the line at `offset` into its sequence, after closing what its time shows to be over.

        `arrived` is the broker's time of the record, Unix seconds. Returns what the line joined (None: it was handled
        before), and what ended, if anything: also the joined sequence itself, where the line filled it.
        """
        if offset >= self._note_at:
            self._take_note()
        self._next = offset + 1
        raw, time, key = line.raw, line.timestamp, line.sequence
        if raw.partition != self._partition or raw.topic != self._topic:
            self._turn_to(raw.topic, raw.partition)
        clock = self.clock
        fresh = clock.tick(self._name, raw.offset, raw.index, time, arrived)
        ended = self._expire() if self._looks.earliest < clock.reached else None
        if not fresh or (self._handled and offset <= self._handled.get(key, -1)):
            return None, ended
        sequence = self._open.get(key)
        if sequence is not None and time > sequence.last + self._idle and self._is_over(sequence, time):
            ended = ended or Ended()
            ended.over.append(self._close(sequence, "idle"))
            sequence = None
        if sequence is None:
            sequence = self._open[key] = Sequence(key, line.kind, self._note)
            self._note.open += 1
        sequence.add(line, offset, self._source, template, self.position)
        self.lines += 1
        sequence.touched = clock.leading
        sequence.paused = False
        if clock.leading + self._idle < sequence.due:
            self._look_at(sequence, clock.leading + self._idle)
        if len(sequence) >= self._long:
            full = self._filled(sequence)
            if full is not None:
                ended = ended or Ended()
                ended.over.append(full)
        if len(self._open) > self.most_open or self.lines > self.most_lines:
            ended = ended or Ended()
            ended.over.extend(self._evict())
        return sequence, ended

    def advance(self, reached: Mapping[str, float], arrived: float) -> Ended | None:
        """Let time go on to what sources have `reached` by the record that arrived then; return what ended, if any."""
        self.clock.advance(reached, arrived)
        return self._expire() if self._looks.earliest < self.clock.reached else None

    def await_news(self, sequence: Sequence) -> None:
        """Name `sequence` among what a line did once time has reached its new statement, though it gets no line."""
        self._look_at(sequence, sequence.news)

    def quiet(self, silence: float) -> Ended:
        """End what is over when no line came for `silence` seconds of the wall clock, as if time had gone on."""
        ended = Ended()
        for sequence in list(self._open.values()):
            self._end(sequence, self.clock.leading + silence, "quiet", ended)
        return ended

    def flush(self) -> list[Closed]:
        """Close everything: there will be no more lines."""
        return [self._close(sequence, "quiet") for sequence in list(self._open.values())]

    def _silence(self, sequence: Sequence) -> float:
        """Return for how many seconds a sequence may be silent."""
        if sequence.kind == "window":
            return self._idle
        learned = self.patience(sequence.last_template)
        return max(self._idle, min(learned, self._settings.patience))

    def _is_over(self, sequence: Sequence, timestamp: float) -> bool:
        end = sequence.last + self._silence(sequence)
        return timestamp > end and self.clock.is_behind(end)

    def _expire(self) -> Ended:
        ended = Ended()
        now = self.clock.reached
        for key in self._looks.before(now):
            sequence = self._open[key]
            sequence.due = _NEVER
            self._end(sequence, now, "idle", ended)
        return ended

    def _end(self, sequence: Sequence, now: float, why: Why, ended: Ended) -> None:
        idle = self._idle
        # the newest line counts by its own time, where the clock had not caught up with it; not by a date far ahead
        leapt = sequence.last > now + idle
        since = sequence.touched if leapt else max(sequence.touched, sequence.last)
        pause = since + idle
        if now <= pause:
            if sequence.news < now:
                ended.reached.append(sequence)
            self._look_at(sequence, pause)
            return
        over = since + self._silence(sequence)
        if now > over:
            # a replay that begins behind the leap would find the rest of it still open
            ended.over.append(self._close(sequence, "quiet" if leapt else why))
            return
        if not sequence.paused:
            sequence.paused = True
            ended.paused.append(sequence)
        self._look_at(sequence, over)

    def _look_at(self, sequence: Sequence, due: float) -> None:
        if due < sequence.due:
            sequence.due = due
            self._looks.add(sequence.key, due)
            if self._looks.is_crowded(len(self._open)):
                self._looks.rebuild((each.key, each.due) for each in self._open.values() if each.due < _NEVER)

    def _due(self, key: str) -> float | None:
        sequence = self._open.get(key)
        return None if sequence is None else sequence.due

    def _filled(self, sequence: Sequence) -> Closed | None:
        """Close a sequence that has reached its length."""
        length = len(sequence)
        if sequence.kind == "session":
            return self._close(sequence, "cut") if length >= self._settings.max_length else None
        if length == self._step + 1:
            sequence.middle = self._note
            self._note.open += 1
        return self._slide(sequence) if length >= self._settings.window else None

    def _evict(self) -> Iterator[Closed]:
        """Close what was touched longest ago, the older of equals first: a share at once, as the search costs."""
        opened = list(self._open.values())
        touched = np.fromiter(map(attrgetter("touched"), opened), np.float64, len(opened))
        for place in np.argsort(touched, kind="stable")[: max(len(opened) // SHARE, 1)].tolist():
            yield self._close(opened[place], "evicted")

    def _slide(self, sequence: Sequence) -> Closed:
        """Close a full window and open the next, overlapping by half: no line stands at the edge of both."""
        step = self._step
        packed = sequence.packed[step * SIZE :]
        rest = Sequence(
            key=sequence.key,
            kind="window",
            note=sequence.middle or sequence.note,
            touched=sequence.touched,
            last=sequence.last,
            packed=packed,
            judged=len(sequence) - step,
            told=sequence.told if sequence.told >= offset_at(packed, 0) else -1,
        )
        rest.note.open += 1
        closed = self._close(sequence, "cut")
        sequence.successor = self._open[rest.key] = rest
        self.lines += len(rest)
        self._look_at(rest, rest.touched + self._idle)
        return closed._replace(kept=len(rest))

    def _close(self, sequence: Sequence, why: Why) -> Closed:
        del self._open[sequence.key]
        sequence.open = False
        self.lines -= len(sequence)
        self._release(sequence.note)
        if sequence.middle is not None:
            self._release(sequence.middle)
        return Closed(sequence, why)

    def _release(self, note: Note) -> None:
        note.open -= 1
        if not note.open and note is not self._note:
            del self._notes[note.resume.begin]

    def _take_note(self) -> None:
        if not self._note.open:
            del self._notes[self._note.resume.begin]
        self._note = Note(self._now())
        self._notes[self._note.resume.begin] = self._note
        self._note_at = self._next + (self._note_every << (len(self._notes) // MANY_NOTES))

    def _turn_to(self, topic: str, partition: int) -> None:
        self._topic, self._partition, self._name = topic, partition, source_name(topic, partition)
        self._source = self._source_of.setdefault((topic, partition), len(self._sources))
        if self._source == len(self._sources):
            self._sources.append((topic, partition))

    def _now(self) -> Resume:
        return Resume(self._next, self.clock.newest(), self.clock.awake)
