"""The detectors that need no learning (reference: LogADEmpirical, AIT), each with the threshold rule that ours has.

Each is fitted to training sequences of template ids and gives a score that is higher where a sequence is stranger.
"""

import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.calibration import calibrate

Templates = tuple[int, ...]
Scorer = Callable[[Templates], float]

_BINARY: Final = 0.5
_LEAST: Final = 1e-6
_START: Final = -1
_END: Final = -2


def new_template(training: Sequence[Templates]) -> Scorer:
    """1 where a sequence holds a template that no training sequence has."""
    known = {t for templates in training for t in templates}
    return lambda templates: float(not known.issuperset(templates))


def length(training: Sequence[Templates]) -> Scorer:
    """1 where a sequence is shorter or longer than all training sequences."""
    shortest, longest = min(map(len, training)), max(map(len, training))
    return lambda templates: float(not shortest <= len(templates) <= longest)


def set_unseen(training: Sequence[Templates]) -> Scorer:
    """1 where no training sequence has the same set of templates."""
    known = {frozenset(templates) for templates in training}
    return lambda templates: float(frozenset(templates) not in known)


def counts_unseen(training: Sequence[Templates]) -> Scorer:
    """1 where no training sequence has the same count of every template."""
    known = {frozenset(Counter(templates).items()) for templates in training}
    return lambda templates: float(frozenset(Counter(templates).items()) not in known)


def ecvc(training: Sequence[Templates]) -> Scorer:
    """Distance of the event count vector to the nearest training one: sum |c - v| / sum max(c, v)."""
    return _nearest(training, lambda counts: counts)


def ecvc_logs(training: Sequence[Templates]) -> Scorer:
    """The same on log(1 + count)."""
    return _nearest(training, np.log1p)


def two_gram(training: Sequence[Templates]) -> Scorer:
    """Share of adjacent pairs, start and end included, that no training sequence has."""
    known = {pair for templates in training for pair in _pairs(templates)}

    def score(templates: Templates) -> float:
        pairs = _pairs(templates)
        return sum(pair not in known for pair in pairs) / len(pairs)

    return score


SIMPLE: Final[dict[str, Callable[[Sequence[Templates]], Scorer]]] = {
    "new-template": new_template,
    "length": length,
    "set-unseen": set_unseen,
    "counts-unseen": counts_unseen,
    "ecvc": ecvc,
    "ecvc-log": ecvc_logs,
    "two-gram": two_gram,
}
GRADED: Final = frozenset({"ecvc", "ecvc-log", "two-gram"})


def limits(fitted: dict[str, Scorer], validation: Sequence[Templates], rate: float) -> dict[str, float]:
    """Return thresholds read as ours are; a detector that says only yes or no has none, so its yes is an alarm."""
    return {
        name: calibrate([score(t) for t in validation], rate, _LEAST).threshold if name in GRADED else _BINARY
        for name, score in fitted.items()
    }


def _pairs(templates: Templates) -> list[tuple[int, int]]:
    marked = (_START, *templates, _END)
    return list(itertools.pairwise(marked))


def _nearest(training: Sequence[Templates], scale: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Scorer:
    column = {t: i for i, t in enumerate(sorted({t for templates in training for t in templates}))}

    def vector(templates: Templates) -> tuple[NDArray[np.float64], float]:
        counts = np.zeros(len(column))
        foreign: Counter[int] = Counter()
        for t in templates:
            if t in column:
                counts[column[t]] += 1
            else:
                foreign[t] += 1
        return scale(counts), float(scale(np.array([*foreign.values()], np.float64)).sum())

    known = np.array(sorted({tuple(vector(t)[0].tolist()) for t in _distinct(training)}))

    def score(templates: Templates) -> float:
        mine, foreign = vector(templates)
        apart = np.abs(known - mine).sum(1) + foreign
        reach = np.maximum(known, mine).sum(1) + foreign
        return float((apart / np.maximum(reach, 1e-9)).min())

    return score


def _distinct(training: Sequence[Templates]) -> list[Templates]:
    seen: dict[frozenset[tuple[int, int]], Templates] = {}
    for templates in training:
        seen.setdefault(frozenset(Counter(templates).items()), templates)
    return list(seen.values())
