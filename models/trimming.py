"""Which sequences of unlabelled training data are not normal: a rule for the share that needs no label.

Rare alone is no reason: a rare but regular kind of request stays. A sequence is set aside where it is rare *and*
carries a sign that needs no label: it holds a rare statement that names a failure, it breaks off where sequences do
not end, or a gap parts it from all others.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.prepare import Observed
from models.profile import Counts, Neighbours, counts, matrix, weights

RARE: Final = 0.04
"""A statement, an ending or a neighbourhood that fewer of the sequences have is rare."""
CEILING: Final = 0.10
"""At most this share is set aside for failure statements; where more would go, failing is normal there."""
ALONE: Final = 0.01
"""At most this share is set aside only because nothing is like it; where more is alone, variety is normal."""
_FAR: Final = 0.5
_GAP: Final = 1.5
_NEAR: Final = 0.02
_COMPANY: Final = 5
"""So many sequences like it make a sequence a kind of its own."""
_REFERENCES: Final = 3_000
# Words that name a defect of the system; a refused login or a warning is part of many a normal day.
_FAILURE: Final = re.compile(
    r"(?i)exception|error|fatal|panic|corrupt|crash|unexpected|critical|severe|traceback|segfault|out of memory"
)


@dataclass(frozen=True, slots=True)
class Trimmed:
    """What training keeps: a flag for each sequence, and why the others were set aside."""

    keep: NDArray[np.bool_]
    reasons: dict[str, int]
    """Sign -> sequences set aside for it."""


def trim(sequences: Sequence[Observed], templates: Sequence[str], rng: np.random.Generator) -> Trimmed:
    """Return which of the unlabelled sequences (template ids index `templates`) are held normal."""
    profiles = [counts(s.templates, len(templates)) for s in sequences]
    failing = _failing(profiles, templates)
    placed = _place(profiles, len(templates), rng)
    endings = Counter(s.templates[-1] for s in sequences if s.templates)
    common = max(RARE * len(profiles), _COMPANY)
    broken = np.array(
        [
            placed[p].fragment and s.kind == "session" and s.complete and endings[s.templates[-1]] < common
            for p, s in zip(profiles, sequences, strict=True)
        ],
        np.bool_,
    )
    alone = np.zeros(len(profiles), np.bool_)
    rest = np.flatnonzero(~(failing | broken))
    alone[rest] = _beyond_gap(np.array([placed[profiles[i]].company for i in rest], np.float64))
    reasons = {
        "names a failure, rarely": int(failing.sum()),
        "breaks off": int((broken & ~failing).sum()),
        "like nothing else": int(alone.sum()),
    }
    return Trimmed(~(failing | broken | alone), reasons)


def _failing(profiles: Sequence[Counts], templates: Sequence[str]) -> NDArray[np.bool_]:
    """Flag the sequences that hold a rare statement which names a failure, the rarest statements first."""
    holders: dict[int, list[int]] = {}
    for row, profile in enumerate(profiles):
        for template, _ in profile:
            holders.setdefault(template, []).append(row)
    flagged = np.zeros(len(profiles), np.bool_)
    for template in sorted(holders, key=lambda t: (len(holders[t]), t)):
        if len(holders[template]) > RARE * len(profiles) or not _FAILURE.search(templates[template]):
            continue
        with_it = flagged.copy()
        with_it[holders[template]] = True
        if with_it.mean() > CEILING:
            break
        flagged = with_it
    return flagged


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a profile stands among all others."""

    company: float
    """Distance within which there are _COMPANY sequences, itself among them."""
    fragment: bool
    """Far from everything common, and with nothing that the nearest common sequences have not."""


def _place(profiles: Sequence[Counts], templates: int, rng: np.random.Generator) -> dict[Counts, _Place]:
    mass = Counter(profiles)
    distinct = sorted(mass)
    numbers = np.array([mass[p] for p in distinct], np.int64)
    if len(distinct) > _REFERENCES:
        chosen = np.sort(rng.choice(len(distinct), _REFERENCES, replace=False, p=numbers / numbers.sum()))
    else:
        chosen = np.arange(len(distinct))
    references = [distinct[i] for i in chosen]
    shares = numbers[chosen] * (len(profiles) / numbers[chosen].sum())
    near = Neighbours(references, weights(matrix(references, templates), numbers[chosen]))
    common = max(RARE * len(profiles), _COMPANY)
    found = {}
    for profile in distinct:
        distances = near.distances(profile)
        order = np.argsort(distances, kind="stable")
        reached = np.cumsum(shares[order])
        usual = order[min(int(np.searchsorted(reached, common)), len(order) - 1)]
        company = order[min(int(np.searchsorted(reached, _COMPANY)), len(order) - 1)]
        held = dict(references[usual])
        nothing_own = all(n <= held.get(template, 0) for template, n in profile)
        found[profile] = _Place(float(distances[company]), bool(distances[usual] > _FAR) and nothing_own)
    return found


def _beyond_gap(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Flag the top values, at most the share ALONE, that the lowest gap (a factor of 1.5) parts from all others."""
    most = int(ALONE * len(values))
    if not most:
        return np.zeros(len(values), np.bool_)
    top = np.maximum(np.sort(values)[-most - 1 :], _NEAR)
    gaps = np.flatnonzero(top[1:] >= _GAP * top[:-1])
    return values >= top[gaps[0] + 1] if len(gaps) else np.zeros(len(values), np.bool_)
