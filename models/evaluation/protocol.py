"""One run of the benchmark: a labelled set, a version for each seed, and all detectors on the same test part."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from deepsentry.events import ModelReference, View
from models.artifact import TrainedVersion
from models.calibration import DAY
from models.detector import Detector
from models.evaluation.figures import Figures, Judged, mean
from models.evaluation.simple import SIMPLE, Scorer, limits
from models.intake import Progress
from models.prepare import LoggedSequence, Observed, Verdict
from models.training import TrainingOptions, train

VIEWS: Final[tuple[View, ...]] = ("novelty", "profile", "sequence")
OURS: Final = "deepsentry"
_BATCH: Final = 512
_DELAYS: Final = 200
"""True alarms whose delay is measured."""


@dataclass(frozen=True, slots=True)
class Case:
    """A sequence to be judged, how often it occurred, and what is true of it. No detector is shown `anomalous`."""

    sequence: LoggedSequence
    anomalous: bool
    times: int = 1


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A labelled set, divided by time."""

    name: str
    training: Sequence[LoggedSequence]
    """In order of time; the last `validation_share` of it is what thresholds are read from."""
    validation_share: float
    test: Sequence[Case]
    over: float
    """Unix time at which the log ends: what fell silent shortly before may still go on."""
    rate: float
    """Share of normal sequences that may be flagged."""
    protocol: dict[str, object] = field(default_factory=dict)
    """How it was divided, for the reader of the figures."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one seed gave."""

    version: TrainedVersion
    detector: Detector
    judged: dict[str, Judged]
    delays: tuple[int, ...]
    """Lines until the first alarm, of anomalous sequences that were found."""


def budget_of(benchmark: Benchmark, sequences: Sequence[LoggedSequence]) -> float:
    """Return the false alarms a day that the benchmark's rate means."""
    span = max(max(s.start for s in sequences) - min(s.start for s in sequences), 1.0)
    return benchmark.rate * len(sequences) * DAY / span


def fit(benchmark: Benchmark, seed: int, progress: Progress) -> Detector:
    """Return a detector trained on the training part, nothing labelled."""
    options = TrainingOptions(
        budget=budget_of(benchmark, benchmark.training), validation_share=benchmark.validation_share, seed=seed
    )
    return Detector(train(benchmark.training, options, progress), ModelReference(benchmark.name, 0, ""))


def run(benchmark: Benchmark, seeds: int, progress: Progress) -> list[Run]:
    """Train and judge once for each seed."""
    return [_run(benchmark, seed, progress) for seed in range(seeds)]


def _run(benchmark: Benchmark, seed: int, progress: Progress) -> Run:
    detector = fit(benchmark, seed, progress)
    judged, delays = judge(benchmark, detector)
    if seed == 0:
        judged |= judge_simply(benchmark, detector, simple(benchmark, detector))
    return Run(detector.version, detector, judged, delays)


def results(runs: Sequence[Run]) -> dict[str, dict[str, float]]:
    """Return the figures of every detector, means over the seeds that it ran with."""
    names = list(dict.fromkeys(name for r in runs for name in r.judged))
    found = {name: mean([Figures.of(r.judged[name]) for r in runs if name in r.judged]) for name in names}
    delays = [delay for r in runs for delay in r.delays]
    if delays:
        found[OURS]["delay_lines_median"] = float(np.median(delays))
    return found


def templates_of(detector: Detector, sequence: LoggedSequence) -> tuple[int, ...]:
    """Return the template ids of a sequence."""
    return tuple(detector.template(message) for message in sequence.messages)


def observe(detector: Detector, sequence: LoggedSequence, over: float) -> Observed:
    """Return a sequence as the stream would show it when the log ends at `over`."""
    templates = templates_of(detector, sequence)
    ended = sequence.complete and (sequence.kind == "window" or over - sequence.end >= detector.patience(templates[-1]))
    return Observed(templates, ended, sequence.kind)


def judge(benchmark: Benchmark, detector: Detector) -> tuple[dict[str, Judged], tuple[int, ...]]:
    """Return our verdicts, each view's alone among them, and the delays of what was found."""
    table = Table.of([(observe(detector, t.sequence, benchmark.over), t) for t in benchmark.test])
    verdicts = verdicts_on(detector, table.observed)
    found = {OURS: table.judged(np.array([v.score for v in verdicts]))}
    for view in VIEWS:
        found[view] = table.judged(np.array([next(x.score for x in v.views if x.view == view) for v in verdicts]))
    hits = [o for o, v, true in zip(table.observed, verdicts, table.anomalous, strict=True) if true and v.score > 1]
    chosen = hits[:: max(len(hits) // _DELAYS, 1)][:_DELAYS]
    return found, tuple(delay(detector, o) for o in chosen)


def delay(detector: Detector, observed: Observed) -> int:
    """Return how many lines of a sequence that ends in an alarm come before it, judged anew after each."""
    prefixes = [
        Observed(observed.templates[:n], complete=False, kind=observed.kind)
        for n in range(1, len(observed.templates) + 1)
    ]
    for prefix, verdict in zip(prefixes, verdicts_on(detector, prefixes), strict=True):
        if verdict.score > 1:
            return len(prefix.templates)
    return len(observed.templates)


def simple(benchmark: Benchmark, detector: Detector) -> dict[str, tuple[Scorer, float]]:
    """Return the simple detectors with their thresholds; they know statements by id, as our vocabulary gives them."""
    training = [templates_of(detector, sequence) for sequence in benchmark.training]
    split = len(training) - max(int(len(training) * benchmark.validation_share), 1)
    fitted = {name: _remembered(fit_to(training[:split])) for name, fit_to in SIMPLE.items()}
    found = limits(fitted, training[split:], benchmark.rate)
    return {name: (score, found[name]) for name, score in fitted.items()}


def judge_simply(
    benchmark: Benchmark, detector: Detector, detectors: dict[str, tuple[Scorer, float]]
) -> dict[str, Judged]:
    """Return what the simple detectors say of the test part; every sequence is whole to them."""
    shown = [
        (Observed(templates_of(detector, test.sequence), complete=True, kind=test.sequence.kind), test)
        for test in benchmark.test
    ]
    table = Table.of(shown)
    return {
        name: table.judged(np.array([score(o.templates) for o in table.observed]) / limit)
        for name, (score, limit) in detectors.items()
    }


def verdicts_on(detector: Detector, observed: Sequence[Observed]) -> list[Verdict]:
    """Judge in batches."""
    found: list[Verdict] = []
    for first in range(0, len(observed), _BATCH):
        found += detector.judge(observed[first : first + _BATCH])
    return found


@dataclass(frozen=True, slots=True)
class Table:
    """Distinct test sequences."""

    observed: tuple[Observed, ...]
    anomalous: NDArray[np.bool_]
    times: NDArray[np.float64]

    @classmethod
    def of(cls, tests: Sequence[tuple[Observed, Case]]) -> "Table":
        """Count what is the same: template ids, completeness and label."""
        counted: Counter[tuple[Observed, bool]] = Counter()
        for observed, test in tests:
            counted[observed, test.anomalous] += test.times
        return cls(
            tuple(observed for observed, _ in counted),
            np.array([true for _, true in counted], np.bool_),
            np.array([*counted.values()], np.float64),
        )

    def judged(self, score: NDArray[np.float64]) -> Judged:
        """Return the scores of a detector with what they are measured against."""
        lines = np.array([len(o.templates) for o in self.observed], np.float64)
        return Judged(score, self.anomalous, self.times, lines)


def _remembered(score: Callable[[tuple[int, ...]], float]) -> Callable[[tuple[int, ...]], float]:
    memo: dict[tuple[int, ...], float] = {}

    def remembered(templates: tuple[int, ...]) -> float:
        if templates not in memo:
            memo[templates] = score(templates)
        return memo[templates]

    return remembered
