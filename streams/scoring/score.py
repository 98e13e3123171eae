"""Pure: sequences of one partition are judged, and a strange one becomes an anomaly."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Sequence as Batch
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Final, NamedTuple, Protocol

from deepsentry import wire
from deepsentry.events import Anomaly
from deepsentry.sections import Sequences
from models.prepare import Observed, Verdict
from streams.scoring.strange import Due, Explains, Strange
from streams.scoring.texts import CleanRecord, Texts
from streams.windowing.resume import Resume
from streams.windowing.sequence import CleanLine, Rank, Sequence
from streams.windowing.window import Closed, Ended, Windows, unknown

JUDGE_EVERY: Final = 16
"""An unfinished session is judged whenever it has grown by so many lines, and at once where a template is new."""
MOST_NEWS: Final = 100_000
"""Templates of which it is remembered whether they are new."""
_NEVER: Final = float("inf")

Open = Windows
"""The open sequences of a partition."""


class Detects(Explains, Protocol):
    """Turns sequences into scores; higher is stranger, and above 1 is an anomaly."""

    def template(self, message: str) -> int:
        """Return the template of a line."""

    def is_new(self, template: int) -> bool:
        """Tell whether training never saw the template, nor one that it rewords."""

    def patience(self, template: int) -> float:
        """Return for how many seconds a session may be silent after the template; 0 where that is not known."""

    def judge(self, batch: Batch[Observed]) -> list[Verdict]:
        """Return the verdict on each sequence."""


Observe = Callable[[Detects, Batch[Due], Batch[Verdict], Rank], None]
"""Takes the detector, what it judged, what it said, and what tells the partition of the raw log of a line."""


@dataclass(slots=True)
class Scored:
    """What a chunk of clean lines led to."""

    anomalies: list[Anomaly] = field(default_factory=list)
    cuts: list[tuple[str, int]] = field(default_factory=list)
    """Sequence key and offset up to which it is handled, for what event time did not close."""
    closed: Counter[str] = field(default_factory=Counter)
    """Why -> sequences."""
    judged: int = 0
    entries: int = 0
    repeated: int = 0
    """Lines that had been handled before."""
    unreadable: int = 0
    """Records of the clean topic that no sanitize worker wrote."""


class Taken(NamedTuple):
    """A chunk whose lines are in their sequences, and what of them is to be judged."""

    partition: int
    windows: Open
    scored: Scored
    due: list[Due]


class Scorer:
    """Judges with the detector it was last given; without one it keeps the sequences and gives no verdict."""

    def __init__(self, topic: str, clock: Callable[[], datetime], texts: Texts | None = None) -> None:
        self._topic = topic
        self._clock = clock
        self._texts = texts or Texts()
        self._news: dict[int, bool] = {}
        self._detector: Detects | None = None
        self.observe: Observe = _unobserved
        """Hears of every verdict; it must neither fail nor take long."""

    @property
    def detector(self) -> Detects | None:
        """What judges."""
        return self._detector

    @detector.setter
    def detector(self, detector: Detects | None) -> None:
        self._detector = detector
        self._news = {}

    def open(self, settings: Sequences, resume: Resume | None = None, handled: Mapping[str, int] | None = None) -> Open:
        """Return the open sequences of a partition, none yet."""
        patience = self._detector.patience if self._detector else unknown
        return Windows(settings, resume, handled, patience)

    def adopt(self, detector: Detects, opened: Mapping[int, Open]) -> None:
        """Judge with `detector` from now on; lines of open sequences (by partition) get the templates that it knows.

        Of a line whose text is not held any more, it is the template of what the old version called it; where there
        was none, the sequence is not told of.
        """
        before, self.detector = self._detector, detector
        renamed: dict[int, int] = {}
        for partition, windows in opened.items():
            windows.patience = detector.patience
            for sequence in windows:
                templates: list[int] = []
                for offset, old in zip(sequence.offsets, sequence.templates, strict=True):
                    held = self._texts.held(partition, offset)
                    if held is not None:
                        new = detector.template(wire.decode(CleanLine, held).message)
                    elif before is None:
                        new = old
                        sequence.tell(offset)
                    else:
                        new = renamed.get(old, -1)
                        if new < 0:
                            new = renamed[old] = detector.template(before.template_text(old))
                    templates.append(new)
                sequence.rename(templates)

    def score(self, partition: int, windows: Open, records: Iterable[CleanRecord]) -> Scored:
        """Put `records` (in order of offset) into their sequences and judge those that are due."""
        return self.judge([self.take(partition, windows, records)])[0]

    def take(self, partition: int, windows: Open, records: Iterable[CleanRecord]) -> Taken:
        """Put `records` (in order of offset) into their sequences; what is due waits for `judge`."""
        chunk = list(records)
        self._texts.keep(partition, chunk)
        scored = Scored()
        due: list[Due] = []
        detector, news = self._detector, self._news
        template_of = detector.template if detector else _nothing
        lines = wire.decode_each(CleanLine, [record.value for record in chunk])
        for record, line in zip(chunk, lines, strict=True):
            if line is None:
                scored.unreadable += 1
                continue
            template = template_of(line.message)
            joined, ended = windows.add(record.offset, record.arrived, line, template)
            if ended is not None:
                due.extend(self._moved(scored, ended, windows))
            if joined is None:
                scored.repeated += 1
            elif detector and joined.open:
                if news.get(template, True) and self._is_new(detector, template):
                    joined.news = min(joined.news, line.timestamp)
                if joined.news < _NEVER or (
                    joined.kind == "session" and joined.has_grown(JUDGE_EVERY, windows.clock.reached)
                ):
                    due.extend(self._grown(detector, joined, windows))
            if record.reached is not None:
                ended = windows.advance(record.reached, record.arrived)
                if ended is not None:
                    due.extend(self._moved(scored, ended, windows))
        scored.entries = len(chunk) - scored.unreadable
        return Taken(partition, windows, scored, due)

    def quiet(self, partition: int, windows: Open, silence: float) -> Scored:
        """Judge what is over, or fell silent, as no line came for `silence` seconds of the wall clock."""
        scored = Scored()
        return self.judge([Taken(partition, windows, scored, list(self._ended(scored, windows.quiet(silence))))])[0]

    def flush(self, partition: int, windows: Open) -> Scored:
        """Judge everything that is open: there will be no more lines."""
        scored = Scored()
        return self.judge([Taken(partition, windows, scored, list(self._closed(scored, windows.flush())))])[0]

    def judge(self, chunks: Batch[Taken]) -> list[Scored]:
        """Judge what is due of all `chunks` at once, as the network walks many sequences for little more than one."""
        detector = self._detector
        due = [each for taken in chunks for each in taken.due]
        if detector is not None and due:
            verdicts = iter(detector.judge([each.observed for each in due]))
            for taken in chunks:
                self._tell(detector, taken, list(islice(verdicts, len(taken.due))))
        return [taken.scored for taken in chunks]

    def _moved(self, scored: Scored, ended: Ended, windows: Open) -> Iterator[Due]:
        """Yield what is due as time went on."""
        yield from self._ended(scored, ended)
        if self._detector is not None:
            for sequence in ended.reached:
                yield from self._grown(self._detector, sequence, windows)

    def _is_new(self, detector: Detects, template: int) -> bool:
        new = self._news.get(template)
        if new is None:
            if len(self._news) >= MOST_NEWS:
                self._news.clear()
            new = self._news[template] = detector.is_new(template)
        return new

    def _grown(self, detector: Detects, sequence: Sequence, windows: Open) -> Iterator[Due]:
        # not before its first line is sure to be there: that line is what the anomaly is known by
        reached = windows.clock.reached
        settled = sequence.settled(reached)
        if sequence.kind == "window":
            new, sequence.news = sequence.news < _NEVER, _NEVER
        else:
            new = sequence.news <= reached
            if new:
                later = sequence.after(settled)
                sequence.news = min((time for time, each in later if self._is_new(detector, each)), default=_NEVER)
            if sequence.news < _NEVER:  # it may be the last line of its session
                windows.await_news(sequence)
        yield from self._steps(sequence, settled)
        if new:
            if sequence.kind == "window":
                sequence.judged = settled
            yield Due.of(sequence, settled, complete=False)

    @staticmethod
    def _steps(sequence: Sequence, length: int) -> Iterator[Due]:
        """Judge a session after every JUDGE_EVERY lines exactly, however many of its `length` lines came at once.

        A window is full soon, and then it is judged.
        """
        while sequence.kind == "session" and length - sequence.judged >= JUDGE_EVERY:
            sequence.judged += JUDGE_EVERY
            yield Due.of(sequence, sequence.judged, complete=False)

    @classmethod
    def _ended(cls, scored: Scored, ended: Ended) -> Iterator[Due]:
        yield from cls._closed(scored, ended.over)
        for sequence in ended.paused:
            length = len(sequence)
            yield from cls._steps(sequence, length)
            if length > sequence.judged:
                sequence.news = _NEVER
                if sequence.kind == "window":
                    sequence.judged = length
                yield Due.of(sequence, length, complete=False)

    @classmethod
    def _closed(cls, scored: Scored, closed: Iterable[Closed]) -> Iterator[Due]:
        for each in closed:
            scored.closed[each.why] += 1
            cut = each.cut()
            if cut is not None:
                scored.cuts.append(cut)
            sequence = each.sequence
            length = len(sequence)
            yield from cls._steps(sequence, length)
            if sequence.kind == "session":
                yield Due.of(sequence, length, complete=each.why in ("idle", "quiet"))
            elif length > sequence.judged:  # what an overlapping window has shown before is not judged again
                yield Due.of(sequence, length, complete=True)

    def _tell(self, detector: Detects, taken: Taken, verdicts: list[Verdict]) -> None:
        partition, windows, scored, due = taken
        scored.judged = len(due)
        self.observe(detector, due, verdicts, windows.position)
        for each, verdict in zip(due, verdicts, strict=True):
            if verdict.score > 1 and each.sequence.told < 0:
                strange = Strange.of(detector, each, verdict, partition, windows.position)
                each.sequence.tell(strange.last())
                texts = self._texts.find(partition, strange.wanted())
                scored.anomalies.append(strange.anomaly(detector, texts, self._topic, self._clock()))


def _nothing(_message: str) -> int:
    return 0


def _unobserved(_detector: Detects, _due: Batch[Due], _verdicts: Batch[Verdict], _rank: Rank) -> None:
    pass
