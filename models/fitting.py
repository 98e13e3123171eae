"""Between the fitted parts and a version: what each view says of data it was not fitted to, made into thresholds."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from deepsentry.events import SequenceKind
from models.artifact import Limits, ThresholdsFile
from models.calibration import Calibration, Statistic, calibrate, calibrate_together
from models.encoder import Encoder
from models.faults import ORDER
from models.intake import NOTHING, Progress
from models.novelty import UNKNOWN, Identity
from models.precedence import Precedence
from models.prepare import Observed
from models.profile import Counts, Neighbours, counts
from models.rewording import reword
from models.sequence import Model, Network, Walk, strongest, surprises

TOLERANCES: Final = (0, 1, 2, 3, 4, 6)
STRONGEST: Final = (1, 2, 3)
STATISTICS: Final = tuple((tolerance, lines) for tolerance in TOLERANCES for lines in STRONGEST)
"""How surprises may be summed up; training takes what finds most faults."""
_HALF: Final = 0.5
"""The part of the budget that the profile gets; the sequence view has the rest. New statements are always news."""
_CLEAR: Final = 0.1
"""From this distance on a profile may be called anomalous without a label. Where most distances are 0, rare but sound
variety lies just below: 16 of 4,199 sound requests of the demo's shop had .03 to .096."""
_FLOORS: Final = {"novelty": 0.75, "profile": 0.02, "sequence": 3.0, "precedence": 7.0}
"""An order is none that never was before there are 100 sessions which had it otherwise."""
_NEWS: Final = 0.01
"""Where no more than this share of validation sequences says something new, a new statement is an alarm by itself."""
_SAMPLE: Final = 3_000
_FAULTS: Final = 200
_REWORDINGS: Final = 300
_LEAST_ALIKE: Final = 0.4
_BATCH: Final = 256
_ENOUGH: Final = 20


@dataclass(frozen=True, slots=True)
class Part:
    """Complete sequences held normal: the earlier ones to fit to, the later ones to calibrate with."""

    training: tuple[Observed, ...]
    validation: tuple[Observed, ...]

    def of(self, kind: SequenceKind) -> "Part":
        """Return the sequences of one kind."""
        return Part(
            tuple(o for o in self.training if o.kind == kind), tuple(o for o in self.validation if o.kind == kind)
        )


@dataclass(frozen=True, slots=True)
class Views:
    """What was fitted."""

    templates: tuple[str, ...]
    vectors: NDArray[np.float64]
    normal: NDArray[np.bool_]
    network: Network
    usual: NDArray[np.float64]
    """Log shares of the templates and of the end."""
    precedence: Precedence
    """Of training and validation sessions."""
    mass: Counter[Counts]
    """Training profiles and how many sequences have each."""
    weight: NDArray[np.float32]
    same: float
    alike: float


def calibrate_views(
    views: Views, part: Part, rate: float, rng: np.random.Generator, progress: Progress
) -> tuple[ThresholdsFile, dict[str, float]]:
    """Return thresholds that a share `rate` of normal sequences exceeds, and what was measured on the way."""
    model = Model(views.network, views.vectors, views.normal)
    metrics: dict[str, float] = {}
    found: dict[SequenceKind, Limits] = {}
    kinds: tuple[SequenceKind, ...] = ("session", "window")
    for done, kind in enumerate(kinds):
        progress("calibrate", done, len(kinds))
        mine = part.of(kind)
        if len(mine.training) >= _ENOUGH and mine.validation:
            found[kind] = _limits(views, model, mine, rate, rng, metrics)
    progress("calibrate", len(kinds), len(kinds))
    limits = found.get("session") or found.get("window") or _limits(views, model, part, rate, rng, metrics)
    return ThresholdsFile(found.get("session", limits), found.get("window", limits), views.same, views.alike), metrics


def _limits(
    views: Views, model: Model, part: Part, rate: float, rng: np.random.Generator, metrics: dict[str, float]
) -> Limits:
    kind = part.training[0].kind
    held = len(part.validation)
    news = _novelties(views, part)
    everyday = np.count_nonzero(news) > max(_NEWS * len(news), 1)
    novelty = calibrate(news if everyday else np.zeros(held), rate * _HALF, _FLOORS["novelty"])
    normal = [*_sample(part.training, rng), *part.validation]
    near = _distances(views, normal, held)
    profile = calibrate(near, rate * _HALF, _FLOORS["profile"], clear=_CLEAR)
    alarms = near > profile.threshold
    order = _order(model, views, part, normal, alarms & (near <= profile.greatest), rate, rng)
    alarmed = (news > novelty.threshold) | alarms[-held:] | order.alarms[-held:]
    metrics[f"{kind}_validation_alarm_share"] = round(float(alarmed.mean()), 5)
    metrics[f"{kind}_fault_recall"] = round(order.recall, 4)
    return Limits(novelty, profile, order.sequence, order.precedence, order.tolerance, order.strongest)


def _novelties(views: Views, part: Part) -> NDArray[np.float64]:
    """Return for each validation sequence how many statements it is the first to have, rewordings of known ones apart.

    Only the first counts: what repeats it belongs to the same alert.
    """
    seen = sorted({t for o in part.training for t in o.templates if t != NOTHING})
    identity = Identity([views.templates[t] for t in seen], views.vectors[seen], views.same, views.alike)
    known = set(seen)
    new = {
        t
        for o in part.validation
        for t in o.templates
        if t not in known and (t == NOTHING or identity.same(views.templates[t], views.vectors[t]) == UNKNOWN)
    }
    found = np.zeros(len(part.validation))
    for i, o in enumerate(part.validation):
        fresh = new.intersection(o.templates) - {NOTHING}
        found[i] = len(fresh) + (NOTHING in o.templates)
        new -= fresh
    return found


def _distances(views: Views, normal: Sequence[Observed], held: int) -> NDArray[np.float64]:
    """Return the profile distance of training sessions to the nearest other, then of the last `held`, for validation.

    Windows overlap, so a training window's neighbours are no judges of it; only validation windows are measured.
    """
    templates = len(views.normal)
    distinct = sorted(views.mass, key=lambda p: (-views.mass[p], p))
    near = Neighbours(distinct, views.weight)
    row = {profile: i for i, profile in enumerate(distinct)}
    out: list[float] = []
    memo: dict[Counts, float] = {}
    split = len(normal) - held
    if normal[0].kind == "session":
        for o in normal[:split]:
            profile = counts(o.templates, templates)
            if views.mass[profile] > 1:
                out.append(0.0)
                continue
            others = near.distances(profile)
            others[row[profile]] = np.inf
            out.append(float(others.min()))
    for o in normal[split:]:
        profile = counts(o.templates, templates)
        if profile not in memo:
            memo[profile] = near.nearest(profile).distance
        out.append(memo[profile])
    return np.round(np.array(out), 6)


@dataclass(frozen=True, slots=True)
class _Order:
    """How the sequence view sums up surprises, its two thresholds, and what share of faults they find."""

    tolerance: int
    strongest: int
    sequence: Calibration
    precedence: Calibration
    recall: float
    alarms: NDArray[np.bool_]
    """Of the normal sequences in the sequence view."""


def _order(
    model: Model,
    views: Views,
    part: Part,
    normal: Sequence[Observed],
    flagged: NDArray[np.bool_],
    rate: float,
    rng: np.random.Generator,
) -> _Order:
    """Choose the statistic of surprises by which most faults are found at the allowed rate, the simplest of equals."""
    faults: list[Observed] = []
    for o in _sample(part.validation, rng, _FAULTS):
        for fault in ORDER.values():
            broken = fault(o.templates, rng)
            if broken != o.templates:
                faults.append(Observed(broken, complete=True, kind=o.kind))
    usual, odd = (_statistics(model, views.usual, each) for each in (normal, faults))
    strains = _strains(normal, views.precedence.strain_among_others)
    strained = _strains(faults, views.precedence.strain)

    def judged(statistic: int) -> _Order:
        tolerance, lines = STATISTICS[statistic]
        surprise = Statistic(usual[:, statistic], _FLOORS["sequence"])
        strain = Statistic(strains, _FLOORS["precedence"])
        sequence, precedence = calibrate_together((surprise, strain), flagged, rate)
        found = (odd[:, statistic] > sequence.threshold) | (strained > precedence.threshold)
        alarms = (usual[:, statistic] > sequence.threshold) | (strains > precedence.threshold)
        recall = float(found.mean()) if faults else 0.0
        return _Order(tolerance, lines, sequence, precedence, recall, alarms)

    return max(map(judged, range(len(STATISTICS))), key=lambda order: order.recall)


def _strains(sequences: Sequence[Observed], strain: Callable[[Sequence[int]], float]) -> NDArray[np.float64]:
    """Return the strain of each session; a window has no beginning to count lines from, so it has none."""
    found = {o: strain(o.templates) if o.kind == "session" else 0.0 for o in dict.fromkeys(sequences)}
    return np.array([found[o] for o in sequences])


def _statistics(model: Model, share: NDArray[np.float64], sequences: Sequence[Observed]) -> NDArray[np.float64]:
    """Return the summed-up surprises of each sequence: a column for each of STATISTICS."""
    distinct = list(dict.fromkeys(sequences))
    found: dict[Observed, list[float]] = {}
    for first in range(0, len(distinct), _BATCH):
        group = distinct[first : first + _BATCH]
        lines = [tuple(t for t in o.templates if t != NOTHING) for o in group]
        walks = [Walk(line, begins=o.kind == "session") for o, line in zip(group, lines, strict=True)]
        for o, line, expected in zip(group, lines, model.expect(walks), strict=True):
            ended = o.kind == "session"
            by_tolerance = [surprises(expected, share, line, tolerance, ended=ended) for tolerance in TOLERANCES]
            found[o] = [strongest(surprise, lines) for surprise in by_tolerance for lines in STRONGEST]
    return np.array([found[o] for o in sequences]).reshape(-1, len(STATISTICS))


def _sample(sequences: Sequence[Observed], rng: np.random.Generator, size: int = _SAMPLE) -> list[Observed]:
    if len(sequences) <= size:
        return list(sequences)
    chosen = np.sort(rng.choice(len(sequences), size, replace=False))
    return [sequences[i] for i in chosen]


def rewording_thresholds(
    templates: Sequence[str], vectors: NDArray[np.float64], encoder: Encoder, rng: np.random.Generator
) -> tuple[float, float]:
    """Return the cosines from which an unseen statement is a known one, and from which it may be one in its place.

    The first accepts nine of ten rewordings, unless that would take different statements of this site for one
    another; the second accepts 99 of 100, as what stands around decides as well.
    """
    words = sorted({word for text in templates for word in text.split(" ")})
    own = []
    for _ in range(_REWORDINGS):
        i = int(rng.integers(len(templates)))
        own.append(float(encoder.encode(reword(templates[i], words, rng)) @ vectors[i]))
    alike = vectors @ vectors.T
    np.fill_diagonal(alike, -1.0)
    others = alike.max(1) if len(templates) > 1 else np.zeros(1)
    same = float(np.clip(max(np.quantile(own, 0.1), np.quantile(others, 0.95)), 0.5, 0.98))
    return round(same, 6), round(float(np.clip(np.quantile(own, 0.01), _LEAST_ALIKE, same)), 6)
