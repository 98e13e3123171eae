"""What federation is worth on HDFS raw: five sites that differ, beside all data in one place and each site alone.

`python -m benchmarks.federation [--json] [--seeds N] [--rounds N] [--split time|kind]`, or `make bench-federation`.
"""

import argparse
import sys
import time
import zlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from deepsentry import settings, wire
from deepsentry.commands import public_sets
from deepsentry.events import ModelReference
from models.artifact import Federation, TrainedVersion
from models.detector import Detector
from models.evaluation.protocol import Benchmark, Case, budget_of, observe, templates_of, verdicts_on
from models.evaluation.sets import RATE, chronological
from models.evaluation.simple import SIMPLE, limits
from models.federated import Ask, Site
from models.masking import Masker, line_key
from models.prepare import LoggedSequence
from models.preparing import TrainingOptions
from models.shared import Weights, initial
from models.training import train

SITES: Final = 5
SPLITS: Final = ("time", "kind")
SKEW: Final = 0.3
"""Dirichlet parameter: how unevenly a kind of session is spread over the sites (Hsu et al. 2019)."""
SHIFTS: Final = 5
"""Stretches of time that a site has."""
STEPS: Final = 100
ENCODER_ROUNDS: Final = 2
RATE_FIRST: Final = 4e-3

Flag = tuple[bool, Case]
Shares = tuple[list[list[LoggedSequence]], list[list[Case]]]


def quiet(stage: str, done: int, total: int) -> None:
    """Show no progress."""
    del stage, done, total


def by_time(benchmark: Benchmark) -> Shares:
    """Each site logs at other hours: one of every five short stretches of the training part, and a fifth of the rest.

    One long stretch each would leave the first sites hardly a session that is over before their log ends.
    """
    size = len(benchmark.training) // (SITES * SHIFTS) + 1
    training: list[list[LoggedSequence]] = [[] for _ in range(SITES)]
    for place, sequence in enumerate(benchmark.training):
        training[place // size % SITES].append(sequence)
    test: list[list[Case]] = [[] for _ in range(SITES)]
    for case in benchmark.test:
        test[zlib.crc32(case.sequence.key.encode()) % SITES].append(case)
    return training, test


def by_kind(benchmark: Benchmark) -> Shares:
    """Sessions that have the same statements are of one kind; each kind is spread over the sites very unevenly."""
    masker = Masker()
    shares: dict[int, NDArray[np.float64]] = {}

    def site_of(sequence: LoggedSequence) -> int:
        kind = zlib.crc32("\n".join(sorted({masker.mask(line_key(m)) for m in sequence.messages})).encode())
        share = shares.setdefault(kind, np.random.default_rng(kind).dirichlet([SKEW] * SITES))
        return int(np.random.default_rng(zlib.crc32(sequence.key.encode())).choice(SITES, p=share))

    training: list[list[LoggedSequence]] = [[] for _ in range(SITES)]
    test: list[list[Case]] = [[] for _ in range(SITES)]
    for sequence in benchmark.training:
        training[site_of(sequence)].append(sequence)
    for case in benchmark.test:
        test[site_of(case.sequence)].append(case)
    return training, test


def options(benchmark: Benchmark, sequences: Sequence[LoggedSequence], seed: int) -> TrainingOptions:
    """Return how one site, or all together, trains: the same budget as a share of its own sequences."""
    return TrainingOptions(
        budget=budget_of(benchmark, sequences), validation_share=benchmark.validation_share, seed=seed
    )


def federate(sites: Sequence[Site], rounds: int, seed: int) -> Weights:
    """Return the weights after FedAvg without a network; aggregator/rounds.py does the same over one."""
    share = np.array([site.examples for site in sites], np.float64)
    share /= share.sum()

    def mean(found: Sequence[Weights]) -> Weights:
        return {
            name: np.sum([s * w[name] for s, w in zip(share, found, strict=True)], axis=0).astype(np.float32)
            for name in found[0]
        }

    weights = initial(seed)
    for number in range(1, ENCODER_ROUNDS + 1):
        weights = mean([site.train_encoder(weights, Ask(50, 2e-3, seed=seed + number)) for site in sites])
    for number in range(rounds):
        rate = RATE_FIRST * (0.05 + 0.95 * (1 + np.cos(np.pi * number / rounds)) / 2)
        ask = Ask(STEPS, float(rate), seed=seed + number)
        weights = mean([site.train(weights, ask, lambda: False) for site in sites])
    return weights


def flags(benchmark: Benchmark, version: TrainedVersion, cases: Sequence[Case]) -> list[Flag]:
    """Return which cases a version flags."""
    detector = Detector(version, ModelReference("site", 1, ""))
    found = verdicts_on(detector, [observe(detector, case.sequence, benchmark.over) for case in cases])
    return [(verdict.score > 1, case) for verdict, case in zip(found, cases, strict=True)]


def simply(
    benchmark: Benchmark, version: TrainedVersion, training: Sequence[LoggedSequence], cases: Sequence[Case]
) -> dict[str, list[Flag]]:
    """Return which cases the simple detectors flag, fitted to one site's sequences."""
    detector = Detector(version, ModelReference("site", 1, ""))
    seen = [templates_of(detector, sequence) for sequence in training]
    split = len(seen) - max(int(len(seen) * benchmark.validation_share), 1)
    shown = [templates_of(detector, case.sequence) for case in cases]
    fitted = {name: fit(seen[:split]) for name, fit in SIMPLE.items()}
    limit = limits(fitted, seen[split:], benchmark.rate)
    return {
        name: [(score(t) > limit[name], case) for t, case in zip(shown, cases, strict=True)]
        for name, score in fitted.items()
    }


def f1(flagged: Sequence[Flag]) -> dict[str, float]:
    """Return F1 and what lies behind it."""
    hits = sum(case.times for flag, case in flagged if flag and case.anomalous)
    false = sum(case.times for flag, case in flagged if flag and not case.anomalous)
    missed = sum(case.times for flag, case in flagged if not flag and case.anomalous)
    return {"f1": round(2 * hits / max(2 * hits + false + missed, 1), 5), "false": false, "missed": missed}


def together(benchmark: Benchmark, seed: int) -> dict[str, float]:
    """Return the figures of all data in one place."""
    version = train(benchmark.training, options(benchmark, benchmark.training, seed), quiet)
    return f1(flags(benchmark, version, benchmark.test))


def measure(benchmark: Benchmark, split: str, rounds: int, seed: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Return the figures of one split and seed."""
    training, test = by_time(benchmark) if split == "time" else by_kind(benchmark)
    began = time.perf_counter()
    found: dict[str, Any] = {}
    alone = [train(part, options(benchmark, part, seed), quiet) for part in training]
    flagged = [flags(benchmark, version, cases) for version, cases in zip(alone, test, strict=True)]
    found["local-only"] = f1([flag for each in flagged for flag in each])
    found["local-only mean of sites"] = {"f1": round(float(np.mean([f1(each)["f1"] for each in flagged])), 5)}
    say(f"{split} seed {seed}: local-only {found['local-only']} ({time.perf_counter() - began:.0f} s)")
    rows = [simply(benchmark, *each) for each in zip(alone, training, test, strict=True)]
    for name in SIMPLE:
        found[name] = f1([flag for row in rows for flag in row[name]])
    sites = [Site(part, options(benchmark, part, seed), quiet) for part in training]
    weights = federate(sites, rounds, seed)
    note = Federation("benchmark", ModelReference("global", 1, ""), rounds, SITES)
    joined = [flags(benchmark, s.version(weights, note), cases) for s, cases in zip(sites, test, strict=True)]
    found["federated"] = f1([flag for each in joined for flag in each])
    found["federated mean of sites"] = {"f1": round(float(np.mean([f1(each)["f1"] for each in joined])), 5)}
    say(f"{split} seed {seed}: federated {found['federated']} ({time.perf_counter() - began:.0f} s)")
    sizes = {"training": [len(p) for p in training], "test": [len(t) for t in test]}
    return {"split": split, "seed": seed, "sites": sizes, "results": found}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--split", choices=SPLITS)
    args = parser.parse_args()
    effective, _ = settings.load()
    benchmark = chronological(
        "hdfs-raw",
        public_sets.hdfs_sessions(effective),
        train_share=0.5,
        validation_share=0.1,
        contaminated=False,
        rate=RATE,
    )
    say = partial(print, flush=True, file=sys.stderr if args.json else sys.stdout)
    pooled = {seed: together(benchmark, seed) for seed in range(args.seeds)}
    say(f"pooled, by seed: {pooled}")
    runs = [
        measure(benchmark, split, args.rounds, seed, say)
        for split in ([args.split] if args.split else SPLITS)
        for seed in range(args.seeds)
    ]
    for run in runs:
        run["results"] = {"pooled": pooled[run["seed"]], **run["results"]}
    if args.json:
        print(wire.pretty({"set": "hdfs-raw", "protocol": benchmark.protocol, "runs": runs}))
        return
    for split in SPLITS:
        mine = [run["results"] for run in runs if run["split"] == split]
        for name in mine[0] if mine else ():
            each = [result[name]["f1"] for result in mine]
            said = f"{split:<5} {name:<26} F1 {np.mean(each):.4f} (worst {min(each):.4f})"
            if "false" in mine[0][name]:
                false, missed = (np.mean([result[name][kind] for result in mine]) for kind in ("false", "missed"))
                said += f", false alarms {false:.1f}, missed {missed:.1f}"
            print(said)


if __name__ == "__main__":
    main()
