"""A version at work: lines become template ids, sequences verdicts, verdicts explanations. No TensorFlow."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, get_args

import numpy as np
from numpy.typing import NDArray

from deepsentry.events import Explanation, ModelReference, SequenceKind, View, ViewScore
from models.artifact import TrainedVersion
from models.encoder import Encoder
from models.explanation import Evidence, explain
from models.known import Known, Oddness, excused
from models.novelty import UNKNOWN
from models.precedence import Disorder, Precedence
from models.prefixes import Prefixes
from models.prepare import MAX_LENGTH, Observed, Verdict
from models.profile import Counts, Nearest, Neighbours, counts
from models.sequence import Model, Network, Walk, surprises
from models.statements import Statements

MAX_MEMO: Final = 30_000
MAX_MEMO_LINES: Final = 1_000_000
"""Lines of the sequences whose verdicts are remembered."""
_DIGITS: Final = 4
_MANY: Final = 6
"""New statements in one sequence that may still all be known ones."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """An observed sequence in terms of the version: rewordings resolved, everything else as it came."""

    templates: tuple[int, ...]
    """Known ids; UNKNOWN where a statement is new."""
    usual: tuple[int, ...]
    """Places of statements that normal training sequences had. The order is judged of these alone."""


class Detector:
    """Turns sequences into verdicts; higher is stranger. Use one instance from one thread."""

    def __init__(self, trained: TrainedVersion, reference: ModelReference) -> None:
        self.reference = reference
        self.version = trained
        self.metadata = trained.metadata
        self.budget = trained.metadata.budget
        self.key_pattern = trained.metadata.key_pattern
        self._thresholds = trained.thresholds
        statements = trained.vocabulary.statements
        self._patience = tuple(s.patience for s in statements)
        self._normal = np.array([s.normal for s in statements], np.bool_)
        self._usual_ones = frozenset(np.flatnonzero(self._normal).tolist())
        encoder, network = networks(trained.arrays)
        self._statements = Statements(
            [s.text for s in statements], encoder, trained.thresholds.same, trained.thresholds.alike
        )
        bound = Model(network, self._statements.vectors, self._normal)
        self._usual = trained.arrays["sequence.usual"].astype(np.float64)
        self._prefixes = Prefixes(bound, self._usual)
        self._precedence = Precedence(
            ((t, nth) for t, nth in trained.arrays["precedence.events"].tolist()),
            trained.arrays["precedence.before"].astype(np.int32),
        )
        self._neighbours = Neighbours(
            profiles(trained.arrays["profile.rows"]), trained.arrays["profile.weights"].astype(np.float32)
        )
        self._known = Known(
            trained.judged,
            self._statements.token,
            self._usual_ones,
            trained.arrays["profile.weights"].astype(np.float32),
        )
        self._nearest: dict[tuple[Counts, bool], Nearest] = {}
        self._verdicts: dict[Observed, Verdict] = {}
        self._strange: dict[Observed, _Reading] = {}
        """How the remembered sequences that are strange were understood: they will have to be explained."""
        self._remembered = 0

    def template(self, message: str) -> int:
        """Return the template id of a sanitized line; an unseen statement gets a new id in this process."""
        return self._statements.template(message)

    def template_text(self, template: int) -> str:
        """Return the text of a template, variables as `<*>`; empty where an unseen one was forgotten since."""
        return self._statements.text(template)

    def is_new(self, template: int) -> bool:
        """Return whether a statement is neither known to the version nor a rewording of one that is."""
        return self._statements.meaning(template) == UNKNOWN

    def patience(self, template: int) -> float:
        """Return how many seconds a session may stay silent after this statement; 0 where nothing was learned.

        After a new statement, it is the longest of those that it may reword.
        """
        meaning = self._statements.meaning(template)
        if meaning != UNKNOWN:
            return self._patience[meaning]
        return max((self._patience[known] for known in self._statements.unseen(template).alike), default=0.0)

    def judge(self, batch: Sequence[Observed]) -> list[Verdict]:
        """Return a verdict for each sequence; the same sequence always gets the same one."""
        known = list(map(self._verdicts.get, batch))
        fresh = list(dict.fromkeys(observed for observed, verdict in zip(batch, known, strict=True) if verdict is None))
        judged = dict(zip(fresh, self._judge(fresh), strict=True)) if fresh else {}
        self._remember(judged)
        return [verdict or judged[observed] for observed, verdict in zip(batch, known, strict=True)]

    def _remember(self, judged: dict[Observed, Verdict]) -> None:
        self._remembered += sum(len(observed.templates) for observed in judged)
        if len(self._verdicts) + len(judged) > MAX_MEMO or self._remembered > MAX_MEMO_LINES:
            self._verdicts.clear()
            self._strange.clear()
            self._remembered = 0
        self._verdicts.update(judged)

    def explain(self, observed: Observed, verdict: Verdict) -> Explanation:
        """Return why a sequence got its verdict."""
        reading = self._strange.get(observed) or self._interpret([observed])[0][0]
        expected = self._prefixes.expect(self._walk(observed, reading))
        nearest = self._closest(reading, complete=observed.complete)
        limits = self._thresholds.of(observed.kind)
        evidence = Evidence(
            templates=observed.templates[:MAX_LENGTH],
            known=reading.templates,
            usual=reading.usual,
            expected=expected,
            surprises=self._surprises(observed, reading, expected, limits.tolerance),
            neighbour=self._neighbours.profiles[nearest.row],
            distance=nearest.distance,
            complete=observed.complete,
            disorder=self._disorder(observed, reading, limits.precedence.threshold),
        )
        return explain(evidence, verdict, self.template_text, limits)

    def _judge(self, batch: Sequence[Observed]) -> list[Verdict]:
        found = self._interpret(batch)
        self._strange.update((o, reading) for o, (reading, v) in zip(batch, found, strict=True) if v.score > 1)
        return [verdict for _, verdict in found]

    def _interpret(self, batch: Sequence[Observed]) -> list[tuple[_Reading, Verdict]]:
        """Return each sequence as it is understood: a new statement is a known one where all is normal if it is."""
        readings = [self._read(observed) for observed in batch]
        found = list(zip(readings, self._verdicts_on(batch, readings), strict=True))
        tries = [
            (i, other)
            for i, (reading, verdict) in enumerate(found)
            if verdict.score > 1 and UNKNOWN in reading.templates
            for other in self._others(batch[i], reading)
        ]
        others = [reading for _, reading in tries]
        for (i, reading), verdict in zip(tries, self._verdicts_on([batch[i] for i, _ in tries], others), strict=True):
            if verdict.score <= 1 < found[i][1].score:
                found[i] = reading, verdict
        if len(self._known):
            found = [(r, self._excused(o, r, v) if v.score > 1 else v) for o, (r, v) in zip(batch, found, strict=True)]
        return found

    def _excused(self, observed: Observed, reading: _Reading, verdict: Verdict) -> Verdict:
        """Return the verdict on a strange sequence in the light of what people said of others."""
        limits = self._thresholds.of(observed.kind)
        walk = self._walk(observed, reading)
        surprise = self._surprises(observed, reading, self._prefixes.expect(walk), limits.tolerance)
        places = (*reading.usual, len(reading.templates))
        strained = self._precedence.strained(walk.rows, limits.precedence.threshold)
        shown = observed.templates[:MAX_LENGTH]
        tokens = tuple(
            self._statements.text(template) if known == UNKNOWN else known
            for template, known in zip(shown, reading.templates, strict=True)
        )
        # of the lines that are added up, one is above its part where their sum is above the threshold
        over = np.flatnonzero(surprise > limits.sequence.threshold / limits.strongest).tolist()
        odd = Oddness(
            tokens=tokens,
            odd=frozenset(tokens) - self._usual_ones,
            kind=observed.kind,
            complete=observed.complete,
            surprising=tuple(places[i] for i in over),
            strained=tuple(strained) if observed.kind == "session" else (),
        )
        return excused(verdict) if self._known.excuse(odd, limits.profile.threshold) else verdict

    def _others(self, observed: Observed, reading: _Reading) -> Iterator[_Reading]:
        """Yield readings in which every new statement is a known one that it is like; the likest, then one other.

        What still occurs under its old words was not reworded; and a window, a cut through an endless source, has no
        places in which a statement would be expected.
        """
        shown = observed.templates[:MAX_LENGTH]
        new = list(dict.fromkeys(t for t, known in zip(shown, reading.templates, strict=True) if known == UNKNOWN))
        alike = [[k for k in self._statements.unseen(t).alike if k not in reading.templates] for t in new]
        if observed.kind == "window" or len(new) > _MANY or not all(alike):
            return
        likest = [each[0] for each in alike]
        choices = [likest]
        for place, each in enumerate(alike):
            choices += [[*likest[:place], other, *likest[place + 1 :]] for other in each[1:]]
        for choice in choices:
            meant = dict(zip(new, choice, strict=True))
            yield self._usual_of(tuple(meant.get(t, known) for t, known in zip(shown, reading.templates, strict=True)))

    def _verdicts_on(self, batch: Sequence[Observed], readings: Sequence[_Reading]) -> list[Verdict]:
        found = self._sequence_scores(batch, readings)
        return [self._verdict(o, r, s) for o, r, s in zip(batch, readings, found, strict=True)]

    def _verdict(self, observed: Observed, reading: _Reading, sequence: float) -> Verdict:
        limits = self._thresholds.of(observed.kind)
        usual = set(reading.usual)
        new = len({t for i, t in enumerate(observed.templates[:MAX_LENGTH]) if i not in usual})
        distance = self._closest(reading, complete=observed.complete).distance if reading.templates else 0.0
        values: list[tuple[View, float]] = [
            ("novelty", new / limits.novelty.threshold),
            ("profile", distance / limits.profile.threshold),
            ("sequence", max(sequence, self._strain(observed, reading) / limits.precedence.threshold)),
        ]
        views = [ViewScore(view, round(value, _DIGITS)) for view, value in values]
        views.sort(key=lambda v: (v.view != "novelty" or v.score <= 1, -v.score))
        return Verdict(max(v.score for v in views), tuple(views))

    def _read(self, observed: Observed) -> _Reading:
        shown = observed.templates[:MAX_LENGTH]
        if max(shown, default=0) < self._statements.known:
            return self._usual_of(shown)
        return self._usual_of(tuple(self._statements.meaning(t) for t in shown))

    def _usual_of(self, meanings: tuple[int, ...]) -> _Reading:
        return _Reading(meanings, tuple(i for i, t in enumerate(meanings) if t in self._usual_ones))

    def _closest(self, reading: _Reading, *, complete: bool) -> Nearest:
        profile = counts((reading.templates[i] for i in reading.usual), len(self._normal))
        known = self._nearest.get((profile, complete))
        if known is None:
            if len(self._nearest) >= MAX_MEMO:
                self._nearest.clear()
            known = self._neighbours.nearest(profile, complete=complete)
            self._nearest[profile, complete] = known
        return known

    def _disorder(self, observed: Observed, reading: _Reading, least: float) -> Disorder | None:
        rows = self._walk(observed, reading).rows
        return self._precedence.disorder(rows, least) if observed.kind == "session" else None

    def _strain(self, observed: Observed, reading: _Reading) -> float:
        return self._precedence.strain(self._walk(observed, reading).rows) if observed.kind == "session" else 0.0

    def _walk(self, observed: Observed, reading: _Reading) -> Walk:
        return Walk(tuple(reading.templates[i] for i in reading.usual), begins=observed.kind == "session")

    def _sequence_scores(self, batch: Sequence[Observed], readings: Sequence[_Reading]) -> list[float]:
        scores = [0.0] * len(batch)
        for kind in get_args(SequenceKind):
            mine = [i for i, observed in enumerate(batch) if observed.kind == kind]
            walks = [self._walk(batch[i], readings[i]) for i in mine]
            limits = self._thresholds.of(kind)
            ended = [_ended(batch[i]) for i in mine]
            for i, found in zip(
                mine, self._prefixes.strongest(walks, ended, limits.tolerance, limits.strongest), strict=True
            ):
                scores[i] = found / limits.sequence.threshold
        return scores

    def _surprises(
        self, observed: Observed, reading: _Reading, expected: NDArray[np.float64], tolerance: int
    ) -> NDArray[np.float64]:
        lines = [reading.templates[i] for i in reading.usual]
        return surprises(expected, self._usual, lines, tolerance, ended=_ended(observed))


def _ended(observed: Observed) -> bool:
    """Tell whether a sequence shows the end that it came to."""
    return observed.complete and observed.kind == "session" and len(observed.templates) <= MAX_LENGTH


def networks(arrays: dict[str, NDArray[np.generic]]) -> tuple[Encoder, Network]:
    """Return the encoder and the LSTM in the arrays of a version."""
    w = {name: array.astype(np.float32) for name, array in arrays.items() if array.dtype == np.float32}
    encoder = Encoder(w["encoder.embedding"], w["encoder.kernel"], w["encoder.bias"])
    network = Network(
        kernel=w["lstm.kernel"],
        recurrent=w["lstm.recurrent"],
        bias=w["lstm.bias"],
        query=w["query.kernel"],
        query_bias=w["query.bias"],
        key=w["key.kernel"],
        start=w["mark.start"],
        cut=w["mark.cut"],
        end=w["mark.end"],
    )
    return encoder, network


def profiles(rows: NDArray[np.generic]) -> list[Counts]:
    """Return the profiles in rows of (neighbour, template, count)."""
    found: dict[int, list[tuple[int, int]]] = {}
    for neighbour, template, n in rows.tolist():
        found.setdefault(neighbour, []).append((template, n))
    return [tuple(sorted(found[neighbour])) for neighbour in sorted(found)]
