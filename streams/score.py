"""Pure: sequences of one partition are judged, and a strange one becomes an anomaly."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Sequence as Batch
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, NamedTuple, Protocol, Self

from deepsentry import wire
from deepsentry.errors import WireError
from deepsentry.events import Anomaly, CleanEntry, Explanation, Line, ModelReference, Position
from deepsentry.settings import Sequences
from models.prepare import Observed, Verdict
from streams.alerts.fingerprint import fingerprint, severity
from streams.clock import Clock
from streams.resume import Resume
from streams.sequence import Sequence
from streams.window import Closed, Ended, Windows, unknown

JUDGE_EVERY: Final = 16
"""An unfinished session is judged whenever it has grown by so many lines, and at once where a template is new."""
CONTEXT: Final = 20
"""Lines of context in an anomaly, at most."""
LONGEST_LINE: Final = 2000
"""Characters of a context line."""

Open = Windows[bytes]
"""The open sequences of a partition; each line is kept as the bytes of its clean record."""


class Detects(Protocol):
    """Turns sequences into scores; higher is stranger, and above 1 is an anomaly."""

    @property
    def reference(self) -> ModelReference:
        """The version behind it."""

    @property
    def budget(self) -> float:
        """False alarms a day that its threshold allows."""

    def template(self, message: str) -> int:
        """Return the template of a line."""

    def template_text(self, template: int) -> str:
        """Return the text of a template."""

    def is_new(self, template: int) -> bool:
        """Tell whether training never saw the template, nor one that it rewords."""

    def patience(self, template: int) -> float:
        """Return for how many seconds a session may be silent after the template; 0 where that is not known."""

    def judge(self, batch: Batch[Observed]) -> list[Verdict]:
        """Return the verdict on each sequence."""

    def explain(self, observed: Observed, verdict: Verdict) -> Explanation:
        """Return why a sequence is strange."""


class CleanRecord(NamedTuple):
    """A record of the clean topic: where it stands, when the broker took it (Unix seconds), and its bytes."""

    offset: int
    arrived: float
    value: bytes


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


class _Due(NamedTuple):
    """A sequence as it was when it became due: later lines of the chunk may come to stand between these."""

    sequence: Sequence[bytes]
    start: Position
    templates: tuple[int, ...]
    offsets: tuple[int, ...]
    payloads: list[bytes]
    complete: bool

    @classmethod
    def of(cls, sequence: Sequence[bytes], length: int, *, complete: bool) -> Self:
        """Return the first `length` lines of `sequence`."""
        _, _, topic, partition, offset, index = sequence.orders[0]
        templates, offsets = tuple(sequence.templates[:length]), tuple(sequence.offsets[:length])
        return cls(
            sequence,
            Position(topic, partition, offset, index),
            templates,
            offsets,
            sequence.payloads[:length],
            complete,
        )

    def observed(self) -> Observed:
        """Return what a detector is shown."""
        return Observed(self.templates, self.complete, self.sequence.kind)


class Scorer:
    """Judges with the detector it was last given; without one it keeps the sequences and gives no verdict."""

    def __init__(self, topic: str, clock: Callable[[], datetime]) -> None:
        self._topic = topic
        self._clock = clock
        self.detector: Detects | None = None

    def open(self, settings: Sequences, resume: Resume | None = None, handled: Mapping[str, int] | None = None) -> Open:
        """Return the open sequences of a partition, none yet."""
        patience = self.detector.patience if self.detector else unknown
        return Windows(settings, resume, handled, patience)

    def adopt(self, detector: Detects, partitions: Iterable[Open]) -> None:
        """Judge with `detector` from now on; lines of open sequences get the templates that it knows."""
        self.detector = detector
        for windows in partitions:
            windows.patience = detector.patience
            for sequence in windows:
                sequence.templates = [
                    detector.template(wire.decode(CleanEntry, line).message) for line in sequence.payloads
                ]

    def score(self, partition: int, windows: Open, records: Iterable[CleanRecord]) -> Scored:
        """Put `records` (in order of offset) into their sequences and judge those that are due."""
        scored = Scored()
        due: list[_Due] = []
        detector = self.detector
        for record in records:
            try:
                entry = wire.decode(CleanEntry, record.value)
            except WireError:
                scored.unreadable += 1
                continue
            template = detector.template(entry.message) if detector else 0
            added = windows.add(record.offset, record.arrived, entry, template, record.value)
            scored.entries += 1
            due.extend(self._ended(scored, added.ended))
            joined = added.joined
            if joined is None:
                scored.repeated += 1
                continue
            if added.full:
                due.extend(self._closed(scored, added.full))
            elif detector:
                due.extend(self._grown(detector, joined, windows.clock))
        self._judge(partition, due, scored)
        return scored

    def quiet(self, partition: int, windows: Open, silence: float) -> Scored:
        """Judge what is over, or fell silent, as no line came for `silence` seconds of the wall clock."""
        scored = Scored()
        self._judge(partition, list(self._ended(scored, windows.quiet(silence))), scored)
        return scored

    def flush(self, partition: int, windows: Open) -> Scored:
        """Judge everything that is open: there will be no more lines."""
        scored = Scored()
        self._judge(partition, list(self._closed(scored, windows.flush())), scored)
        return scored

    @staticmethod
    def _grown(detector: Detects, sequence: Sequence[bytes], clock: Clock) -> Iterable[_Due]:
        settled = sequence.settled(clock.current)
        new = any(detector.is_new(template) for template in sequence.templates[sequence.looked : settled])
        sequence.looked = settled
        if not new:  # a new statement is news whatever came before it; order has to wait until all of it is there
            settled = sequence.settled(clock.reached)
        # a window is full soon, and then it is judged
        if new or (sequence.kind == "session" and settled - sequence.judged >= JUDGE_EVERY):
            sequence.judged = settled
            yield _Due.of(sequence, settled, complete=False)

    @classmethod
    def _ended(cls, scored: Scored, ended: Ended[bytes]) -> Iterable[_Due]:
        yield from cls._closed(scored, ended.over)
        for sequence in ended.paused:
            length = len(sequence.offsets)
            if length > sequence.judged:
                sequence.judged = sequence.looked = length
                yield _Due.of(sequence, length, complete=False)

    @staticmethod
    def _closed(scored: Scored, closed: Iterable[Closed[bytes]]) -> Iterable[_Due]:
        for each in closed:
            scored.closed[each.why] += 1
            cut = each.cut()
            if cut is not None:
                scored.cuts.append(cut)
            sequence = each.sequence
            length = len(sequence.offsets)
            if sequence.kind == "session":
                yield _Due.of(sequence, length, complete=each.why in ("idle", "quiet"))
            elif length > sequence.judged:  # what an overlapping window has shown before is not judged again
                yield _Due.of(sequence, length, complete=True)

    def _judge(self, partition: int, due: list[_Due], scored: Scored) -> None:
        detector = self.detector
        if detector is None or not due:
            return
        scored.judged = len(due)
        for each, verdict in zip(due, detector.judge([each.observed() for each in due]), strict=True):
            if verdict.score > 1 and each.sequence.told < 0:
                each.sequence.tell(each.offsets[-1])
                scored.anomalies.append(self._anomaly(detector, partition, each, verdict))

    def _anomaly(self, detector: Detects, partition: int, due: _Due, verdict: Verdict) -> Anomaly:
        explanation = detector.explain(due.observed(), verdict)
        place = len(due.offsets) - 1 if explanation.deviation is None else explanation.deviation
        entry = wire.decode(CleanEntry, due.payloads[place])
        view = verdict.views[0].view
        template = explanation.template or (explanation.expected[0].template if explanation.expected else "")
        return Anomaly(
            id=anomaly_id(due.start, detector.reference.name),
            fingerprint=fingerprint(entry.service, view, template),
            view=view,
            score=verdict.score,
            severity=severity(verdict.score, entry.level),
            sequence=due.sequence.key,
            kind=due.sequence.kind,
            host=entry.host,
            service=entry.service,
            observed_at=datetime.fromtimestamp(entry.timestamp, UTC),
            detected_at=self._clock(),
            complete=due.complete,
            length=len(due.offsets),
            explanation=explanation,
            lines=self._lines(detector, partition, due, place, explanation.deviation),
            positions=due.offsets,
            partition=partition,
            model=detector.reference,
            budget=detector.budget,
        )

    def _lines(
        self, detector: Detects, partition: int, due: _Due, place: int, deviation: int | None
    ) -> tuple[Line, ...]:
        first = max(0, min(place - CONTEXT // 2, len(due.offsets) - CONTEXT))
        lines = []
        for index in range(first, min(first + CONTEXT, len(due.offsets))):
            entry = wire.decode(CleanEntry, due.payloads[index])
            lines.append(
                Line(
                    clean=Position(self._topic, partition, due.offsets[index]),
                    raw=entry.raw,
                    timestamp=entry.timestamp,
                    message=entry.message[:LONGEST_LINE],
                    template=detector.template_text(due.templates[index]),
                    deviates=index == deviation,
                )
            )
        return tuple(lines)


def anomaly_id(start: Position, detector: str) -> str:
    """Return the id of the anomaly of the sequence that begins at `start`, a position in the raw log.

    It depends on nothing that a restart or a second worker changes: 32 hexadecimal digits of SHA-256.
    """
    return hashlib.sha256(f"{start}|{detector}".encode()).hexdigest()[:32]
