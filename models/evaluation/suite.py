"""The sets of `deepsentry evaluate`: what is run on each, and the one object that it ends with."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from deepsentry.events import SequenceKind
from models.calibration import MOST
from models.evaluation import faulty
from models.evaluation.figures import Figures, Judged, mean
from models.evaluation.identity import measure
from models.evaluation.incidents import Window, incidents
from models.evaluation.protocol import (
    OURS,
    Benchmark,
    Run,
    fit,
    judge,
    judge_simply,
    observe,
    results,
    run,
    simple,
    templates_of,
)
from models.evaluation.release import SHARES, released, templates_only
from models.evaluation.sets import LabelledSequence
from models.intake import Progress

BY_ID: Final = ("new-template", "set-unseen", "counts-unseen", "ecvc", "ecvc-log", "two-gram")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a set gave: the object to print, and what a page shows of it."""

    found: dict[str, Any]
    judged: dict[str, Judged]
    delays: tuple[int, ...]


def standard(benchmark: Benchmark, seeds: int, progress: Progress, budgets: Sequence[float] = ()) -> Outcome:
    """Judge the test part with every detector; by ours also at other `budgets`, shares of sequences."""
    runs = run(benchmark, seeds, progress)
    outcome = _outcome(benchmark, seeds, results(runs), runs)
    if budgets:
        outcome.found["budgets"] = _by_budget(benchmark, runs, budgets, progress)
    return outcome


def _by_budget(
    benchmark: Benchmark, runs: Sequence[Run], budgets: Sequence[float], progress: Progress
) -> dict[str, dict[str, float]]:
    """Return the F1 at each budget; those of which the same share is used share their trainings."""
    found = {min(benchmark.rate, MOST): mean([Figures.of(r.judged[OURS]) for r in runs])}
    for used in sorted({min(budget, MOST) for budget in budgets} - set(found)):
        other = replace(benchmark, rate=used)
        judged = [judge(other, fit(other, seed, progress))[0][OURS] for seed in range(len(runs))]
        found[used] = mean([Figures.of(each) for each in judged])
    return {
        f"{budget:g}": {"used": used, **{name: found[used][name] for name in ("f1", "worst_f1", "fpr")}}
        for budget in budgets
        for used in (min(budget, MOST),)
    }


def windows(benchmark: Benchmark, labelled: Sequence[LabelledSequence], seeds: int, progress: Progress) -> Outcome:
    """Judge an endless log and count incidents; `labelled` are the sequences of the test part in its order."""
    runs = run(benchmark, seeds, progress)
    found = results(runs)
    detectors = simple(benchmark, runs[0].detector)
    for name in (OURS, *detectors):
        counted = [_incidents(benchmark, labelled, r, name, detectors) for r in (runs if name == OURS else runs[:1])]
        for key in counted[0]:
            found[name][key] = round(float(np.mean([row[key] for row in counted])), 3)
    return _outcome(benchmark, seeds, found, runs)


def order_faults(benchmark: Benchmark, seeds: int, progress: Progress) -> Outcome:
    """Put faults into normal test sequences; the figures of each detector are shares flagged, by fault."""
    normal = [t for t in benchmark.test if not t.anomalous]
    chance = np.array([t.times for t in normal], np.float64) / sum(t.times for t in normal)
    rows: dict[str, list[dict[str, float]]] = {}
    for seed in range(seeds):
        detector = fit(benchmark, seed, progress)
        rng = np.random.default_rng(seed)
        chosen = rng.choice(len(normal), faulty.SAMPLE, p=chance)
        shown = [observe(detector, normal[i].sequence, benchmark.over) for i in chosen]
        others = simple(benchmark, detector) if seed == 0 else {}
        ordinary = faulty.Ordinary([templates_of(detector, sequence) for sequence in benchmark.training])
        for fault, shares in faulty.recalls(detector, shown, others, ordinary, rng).items():
            for name, share in shares.items():
                rows.setdefault(name, []).append({fault: share})
    found = {name: _by_fault(shares) for name, shares in rows.items()}
    return Outcome(_object("order-faults", benchmark, seeds, found), {}, ())


def reworded(benchmark: Benchmark, logs: Mapping[str, Iterable[str]], seeds: int, progress: Progress) -> Outcome:
    """Word statements of the test part anew and compare F1 with and without; nothing is trained again.

    `logs`, lines by system, are what the encoder alone is measured on.
    """
    rows: dict[str, dict[str, list[float]]] = {}
    for seed in range(seeds):
        detector = fit(benchmark, seed, progress)
        others = simple(benchmark, detector)
        plain = templates_only(benchmark, detector)
        rng = np.random.default_rng(seed)
        for share in (0.0, *SHARES):
            progress("reworded", int(100 * share), int(100 * SHARES[-1]))
            retold = released(plain, share, rng) if share else plain
            judged = {OURS: judge(retold, detector)[0][OURS]}
            judged |= {k: v for k, v in judge_simply(retold, detector, others).items() if k in BY_ID}
            for name, each in judged.items():
                rows.setdefault(name, {}).setdefault(f"f1_at_{share:g}", []).append(Figures.of(each).f1)
    found = {name: _drops(by_share) for name, by_share in rows.items()} | measure(logs, 0, progress)
    return Outcome(_object("reworded", benchmark, seeds, found), {}, ())


def _drops(by_share: dict[str, list[float]]) -> dict[str, float]:
    before = by_share["f1_at_0"]
    row = {key: round(float(np.mean(values)), 5) for key, values in by_share.items()}
    for share in SHARES:
        falls = np.array(before) - np.array(by_share[f"f1_at_{share:g}"])
        row[f"drop_at_{share:g}"] = round(float(falls.mean()), 5)
        row[f"worst_drop_at_{share:g}"] = round(float(falls.max()), 5)
    return row


def _by_fault(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    out: dict[str, float] = {}
    for fault in (faulty.NONE, *faulty.FAULTS):
        shares = [row[fault] for row in rows if fault in row]
        out[fault] = round(float(np.mean(shares)), 4)
        out[f"worst {fault}"] = max(shares) if fault == faulty.NONE else min(shares)
    return out


def _incidents(
    benchmark: Benchmark,
    labelled: Sequence[LabelledSequence],
    one: Run,
    name: str,
    detectors: dict[str, Any],
) -> dict[str, float]:
    detector = one.detector
    shown = [observe(detector, t.sequence, benchmark.over) for t in benchmark.test]
    if name == OURS:
        flags = [v.score > 1 for v in detector.judge(shown)]
    else:
        score, limit = detectors[name]
        flags = [score(o.templates) > limit for o in shown]
    return incidents(
        [
            Window(each.sequence.start, each.sequence.end, each.marked, flag)
            for each, flag in zip(labelled, flags, strict=True)
        ]
    ).rounded()


def _outcome(benchmark: Benchmark, seeds: int, found: dict[str, dict[str, float]], runs: Sequence[Run]) -> Outcome:
    delays = tuple(delay for r in runs for delay in r.delays)
    return Outcome(_object(benchmark.name, benchmark, seeds, found), runs[0].judged, delays)


def _object(name: str, benchmark: Benchmark, seeds: int, found: dict[str, dict[str, float]]) -> dict[str, Any]:
    kinds: list[SequenceKind] = sorted({t.sequence.kind for t in benchmark.test})
    return {"set": name, "protocol": {**benchmark.protocol, "kinds": kinds, "seeds": seeds}, "results": found}
