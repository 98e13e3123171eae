"""Pure: what is told of a strange sequence."""

import hashlib
from collections.abc import Mapping
from collections.abc import Sequence as Batch
from datetime import UTC, datetime
from typing import Final, NamedTuple, Protocol, Self

from deepsentry import wire
from deepsentry.errors import WireError
from deepsentry.events import Anomaly, CleanEntry, Explanation, Line, ModelReference, Position, Shape
from models.prepare import MAX_LENGTH, Observed, Verdict
from streams.alerts.fingerprint import fingerprint, severity
from streams.windowing.sequence import Rank, Sequence, Stored, offsets, stored

CONTEXT: Final = 20
"""Lines of context in an anomaly, at most."""
LARGEST_SHAPE: Final = 32_768
"""Characters of all the different statements of an anomaly that it carries."""
LONGEST_LINE: Final = 2000
"""Characters of a context line."""


class Explains(Protocol):
    """A version that tells why it holds a sequence for strange."""

    @property
    def reference(self) -> ModelReference:
        """The version."""

    @property
    def budget(self) -> float:
        """False alarms a day that its threshold allows."""

    def template_text(self, template: int) -> str:
        """Return the text of a template."""

    def explain(self, observed: Observed, verdict: Verdict) -> Explanation:
        """Return why a sequence is strange."""


class Due(NamedTuple):
    """A sequence as it was when it became due: later lines of the chunk may come to stand between these."""

    sequence: Sequence
    observed: Observed
    packed: bytes

    @classmethod
    def of(cls, sequence: Sequence, length: int, *, complete: bool) -> Self:
        """Return the first `length` lines of `sequence`."""
        templates = sequence.templates
        shown = tuple(templates if length == len(templates) else templates[:length])
        return cls(sequence, Observed(shown, complete, sequence.kind), sequence.packed)


class Strange(NamedTuple):
    """A sequence that is told of, and how it was explained."""

    due: Due
    verdict: Verdict
    explanation: Explanation
    partition: int
    """Of the clean topic."""
    rank: Rank
    """Gives the partition of the raw log that a line came from."""

    @classmethod
    def of(cls, detector: Explains, due: Due, verdict: Verdict, partition: int, rank: Rank) -> Self:
        """Return a sequence with its explanation."""
        return cls(due, verdict, detector.explain(due.observed, verdict), partition, rank)

    @property
    def place(self) -> int:
        """Index of the line that the anomaly is about: the deviating one, else the last."""
        deviation = self.explanation.deviation
        return len(self.due.observed.templates) - 1 if deviation is None else deviation

    def shown(self) -> range:
        """Return the indices of the lines of context."""
        length = len(self.due.observed.templates)
        first = max(0, min(self.place - CONTEXT // 2, length - CONTEXT))
        return range(first, min(first + CONTEXT, length))

    def last(self) -> int:
        """Return the offset of its last line."""
        return self._line(len(self.due.observed.templates) - 1).offset

    def wanted(self) -> list[int]:
        """Return the offsets of the records that are shown."""
        return [self._line(index).offset for index in self.shown()]

    def anomaly(self, detector: Explains, texts: Mapping[int, bytes], topic: str, now: datetime) -> Anomaly:
        """Return what is published; a line that `texts` (offset -> record) lacks is told by its template."""
        due, explanation = self.due, self.explanation
        about = self._line(self.place)
        entry = _entry(texts.get(about.offset))
        view = self.verdict.views[0].view
        template = explanation.template or (explanation.expected[0].template if explanation.expected else "")
        return Anomaly(
            id=anomaly_id(self._raw(self._line(0)), detector.reference.name),
            fingerprint=fingerprint(entry.service if entry else "", view, template),
            view=view,
            score=self.verdict.score,
            severity=severity(self.verdict.score, entry.level if entry else ""),
            sequence=due.sequence.key,
            kind=due.sequence.kind,
            host=entry.host if entry else "",
            service=entry.service if entry else "",
            observed_at=datetime.fromtimestamp(about.time, UTC),
            detected_at=now,
            complete=due.observed.complete,
            length=len(due.observed.templates),
            explanation=explanation,
            lines=tuple(self._shown(index, detector, texts, topic) for index in self.shown()),
            positions=tuple(offsets(due.packed)[: len(due.observed.templates)]),
            partition=self.partition,
            model=detector.reference,
            budget=detector.budget,
            shape=shape_of([detector.template_text(template) for template in due.observed.templates]),
        )

    def _shown(self, index: int, detector: Explains, texts: Mapping[int, bytes], topic: str) -> Line:
        line = self._line(index)
        entry = _entry(texts.get(line.offset))
        template = detector.template_text(self.due.observed.templates[index])
        return Line(
            clean=Position(topic, self.partition, line.offset),
            raw=self._raw(line),
            timestamp=line.time,
            message=(entry.message if entry else template)[:LONGEST_LINE],
            template=template,
            deviates=index == self.explanation.deviation,
        )

    def _line(self, index: int) -> Stored:
        return stored(self.due.packed, index)

    def _raw(self, line: Stored) -> Position:
        return Position(*self.rank(line.source), line.raw, line.entry)


def _entry(value: bytes | None) -> CleanEntry | None:
    if value is None:
        return None
    try:
        return wire.decode(CleanEntry, value)
    except WireError:
        return None


def shape_of(texts: Batch[str]) -> Shape | None:
    """Return what the statements in `texts`, one a line, make; None where one was forgotten, or they are too much."""
    distinct = {text: number for number, text in enumerate(dict.fromkeys(texts))}
    if "" in distinct or len(texts) > MAX_LENGTH or sum(map(len, distinct)) > LARGEST_SHAPE:
        return None
    return Shape(tuple(distinct), tuple(distinct[text] for text in texts))


def anomaly_id(start: Position, detector: str) -> str:
    """Return the id of the anomaly of the sequence that begins at `start`, a position in the raw log.

    It depends on nothing that a restart or a second worker changes: 32 hexadecimal digits of SHA-256.
    """
    return hashlib.sha256(f"{start}|{detector}".encode()).hexdigest()[:32]
