"""Normal sequences with one fault put into each: which view sees what, at the false-alarm rate that it has."""

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np

from models.detector import Detector
from models.evaluation.protocol import OURS, VIEWS, verdicts_on
from models.evaluation.simple import Scorer
from models.prepare import Observed

Templates = tuple[int, ...]
Fault = Callable[[Templates, np.random.Generator], Templates]

SAMPLE: Final = 1_500
_FOREIGN: Final = 1_000_000_000
"""Id of a statement that nobody knows."""


def moved(templates: Templates, rng: np.random.Generator) -> Templates:
    """Move one event seven or more places."""
    rest = list(templates)
    source = int(rng.integers(len(rest)))
    event = rest.pop(source)
    places = [i for i in range(len(templates)) if abs(i - source) >= 7]  # noqa: PLR2004
    if places:
        rest.insert(places[int(rng.integers(len(places)))], event)
    else:
        rest.insert(source, event)
    return tuple(rest)


def reversed_run(templates: Templates, rng: np.random.Generator) -> Templates:
    """Reverse eight events."""
    first = int(rng.integers(max(len(templates) - 7, 1)))
    return (*templates[:first], *templates[first : first + 8][::-1], *templates[first + 8 :])


def repeated(templates: Templates, rng: np.random.Generator) -> Templates:
    """Say one event five times more."""
    place = int(rng.integers(len(templates)))
    return (*templates[:place], *(templates[place : place + 1] * 5), *templates[place:])


def dropped(templates: Templates, rng: np.random.Generator) -> Templates:
    """Drop three events."""
    gone = set(rng.choice(len(templates), min(3, len(templates) - 1), replace=False).tolist())
    return tuple(t for i, t in enumerate(templates) if i not in gone)


def cut_short(templates: Templates, rng: np.random.Generator) -> Templates:
    """Keep the first third to two thirds."""
    return templates[: max(1, int(len(templates) * rng.uniform(1 / 3, 2 / 3)))]


def shuffled(templates: Templates, rng: np.random.Generator) -> Templates:
    """Put all events into another order."""
    return tuple(rng.permutation(templates).tolist())


def foreign(templates: Templates, rng: np.random.Generator) -> Templates:
    """Put in one event of a statement never seen."""
    place = int(rng.integers(len(templates) + 1))
    return (*templates[:place], _FOREIGN, *templates[place:])


FAULTS: Final[dict[str, Fault]] = {
    "moved": moved,
    "reversed": reversed_run,
    "repeated": repeated,
    "dropped": dropped,
    "cut short": cut_short,
    "shuffled": shuffled,
    "foreign": foreign,
}
NONE: Final = "none"
IDENTICAL: Final = "identical to a normal one"
PAIRWISE: Final = "every pair as in normal ones"


class Ordinary:
    """What of a broken sequence nobody can tell from normal ones, so that recalls can be read against it."""

    def __init__(self, training: Sequence[Templates]) -> None:
        self._known = set(training)
        self._pairs = {pair for templates in self._known for pair in _pairs(templates)}

    def identical(self, templates: Templates) -> bool:
        """Return whether a training sequence is the same."""
        return templates in self._known

    def pairwise(self, templates: Templates) -> bool:
        """Return whether any two of its lines, neighbours and all others, stand in an order that training had."""
        return self._pairs.issuperset(_pairs(templates))


def _pairs(templates: Templates) -> Iterator[tuple[object, ...]]:
    """Yield the neighbours, start and end included, and the ordered pairs of lines, each as its n-th of a statement."""
    yield from itertools.pairwise((None, *templates, None))
    seen: Counter[int] = Counter()
    lines = []
    for template in templates:
        lines.append((template, seen[template]))
        seen[template] += 1
    yield from itertools.combinations(lines, 2)


def recalls(
    detector: Detector,
    normal: Sequence[Observed],
    simple: dict[str, tuple[Scorer, float]],
    ordinary: Ordinary,
    rng: np.random.Generator,
) -> dict[str, dict[str, float]]:
    """Return fault -> detector -> share flagged; under "none" the share of `normal` as they are.

    Beside the detectors stand two shares that are `ordinary`: identical to a normal sequence, or in order pair by pair.

    Where a fault leaves a sequence as it was (a reversed palindrome), there is nothing to find: it does not count.
    """
    found = {NONE: _shares(detector, normal, simple, ordinary)}
    for name, fault in FAULTS.items():
        broken = [(o, fault(o.templates, rng)) for o in normal]
        changed = [Observed(after, o.complete, o.kind) for o, after in broken if after != o.templates]
        found[name] = _shares(detector, changed, simple, ordinary)
    return found


def _shares(
    detector: Detector, observed: Sequence[Observed], simple: dict[str, tuple[Scorer, float]], ordinary: Ordinary
) -> dict[str, float]:
    verdicts = verdicts_on(detector, observed)
    found = {OURS: float(np.mean([v.score > 1 for v in verdicts]))}
    for view in VIEWS:
        found[view] = float(np.mean([any(x.view == view and x.score > 1 for x in v.views) for v in verdicts]))
    for name, (score, limit) in simple.items():
        found[name] = float(np.mean([score(o.templates) > limit for o in observed]))
    found[IDENTICAL] = float(np.mean([ordinary.identical(o.templates) for o in observed]))
    found[PAIRWISE] = float(np.mean([ordinary.pairwise(o.templates) for o in observed]))
    return {name: round(share, 4) for name, share in found.items()}
