"""Between the fitted parts and a version: what each view says of data it was not fitted to, made into thresholds."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from deepsentry.events import SequenceKind
from models.artifact import Limits, ThresholdsFile
from models.calibration import Calibration, calibrate
from models.encoder import Encoder
from models.faults import ORDER
from models.intake import NOTHING, Progress
from models.novelty import UNKNOWN, Identity
from models.prepare import Observed
from models.profile import Counts, Neighbours, counts
from models.rewording import reword
from models.sequence import Model, Network, Walk, strongest, surprises

TOLERANCES: Final = (0, 1, 2, 3, 4, 6)
STRONGEST: Final = (1, 2, 3)
STATISTICS: Final = tuple((tolerance, lines) for tolerance in TOLERANCES for lines in STRONGEST)
"""How surprises may be summed up; training takes what finds most faults."""
PARTS: Final = 2
"""Profile and sequence get half of the budget each; new statements are news whatever it is."""
_CLEAR: Final = 0.1
"""From this distance on a profile may be called anomalous without a label. Where most distances are 0, rare but sound
variety lies just below: 16 of 4,199 sound requests of the demo's shop had .03 to .096."""
_FLOORS: Final = {"novelty": 0.75, "profile": 0.02, "sequence": 3.0}
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
            found[kind] = _limits(views, model, mine, rate / PARTS, rng, metrics)
    progress("calibrate", len(kinds), len(kinds))
    limits = found.get("session") or found.get("window") or _limits(views, model, part, rate / PARTS, rng, metrics)
    return ThresholdsFile(found.get("session", limits), found.get("window", limits), views.same, views.alike), metrics


def _limits(
    views: Views, model: Model, part: Part, rate: float, rng: np.random.Generator, metrics: dict[str, float]
) -> Limits:
    kind = part.training[0].kind
    news = _novelties(views, part)
    everyday = np.count_nonzero(news) > max(_NEWS * len(news), 1)
    novelty = calibrate(news if everyday else np.zeros(len(news)), rate, _FLOORS["novelty"])
    near = _distances(views, part, rng)
    profile = calibrate(near, rate, _FLOORS["profile"], clear=_CLEAR)
    order = _order(model, views.usual, part, rate, rng)
    held = len(part.validation)
    alarms = (news > novelty.threshold) | (near[-held:] > profile.threshold) | order.alarms[-held:]
    metrics[f"{kind}_validation_alarm_share"] = round(float(alarms.mean()), 5)
    metrics[f"{kind}_fault_recall"] = round(order.recall, 4)
    return Limits(novelty, profile, order.threshold, order.tolerance, order.strongest)


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


def _distances(views: Views, part: Part, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the profile distance of training sessions to the nearest other, then of the validation sequences.

    Windows overlap, so a training window's neighbours are no judges of it; only validation windows are measured.
    """
    templates = len(views.normal)
    distinct = sorted(views.mass, key=lambda p: (-views.mass[p], p))
    near = Neighbours(distinct, views.weight)
    row = {profile: i for i, profile in enumerate(distinct)}
    out: list[float] = []
    memo: dict[Counts, float] = {}
    if part.training[0].kind == "session":
        training = [counts(o.templates, templates) for o in _sample(part.training, rng)]
        for profile in training:
            if views.mass[profile] > 1:
                out.append(0.0)
                continue
            others = near.distances(profile)
            others[row[profile]] = np.inf
            out.append(float(others.min()))
    for o in part.validation:
        profile = counts(o.templates, templates)
        if profile not in memo:
            memo[profile] = near.nearest(profile).distance
        out.append(memo[profile])
    return np.array(out)


@dataclass(frozen=True, slots=True)
class _Order:
    """How the sequence view sums up surprises, its threshold, and what it was found to do."""

    tolerance: int
    strongest: int
    threshold: Calibration
    recall: float
    alarms: NDArray[np.bool_]
    """Of the normal sequences; the validation ones last."""


def _order(model: Model, share: NDArray[np.float64], part: Part, rate: float, rng: np.random.Generator) -> _Order:
    """Choose the statistic of surprises that finds most faults at the allowed rate, the simplest of equals."""
    normal = [*_sample(part.training, rng), *part.validation]
    faults: list[Observed] = []
    for o in _sample(part.validation, rng, _FAULTS):
        for fault in ORDER.values():
            broken = fault(o.templates, rng)
            if broken != o.templates:
                faults.append(Observed(broken, complete=True, kind=o.kind))
    usual = _statistics(model, share, normal)
    odd = _statistics(model, share, faults)
    found = [calibrate(usual[:, i], rate, _FLOORS["sequence"]) for i in range(len(STATISTICS))]
    recalls = [float((odd[:, i] > c.threshold).mean()) if len(odd) else 0.0 for i, c in enumerate(found)]
    best = int(np.argmax(recalls))
    return _Order(*STATISTICS[best], found[best], recalls[best], usual[:, best] > found[best].threshold)


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
