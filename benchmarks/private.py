"""What privacy costs in detection: raw HDFS, trained at one site with and without noise, judged on the same later half.

Data: HDFS_v1 of Loghub, cut to whole blocks; DEEPSENTRY_DATA names the folder that holds it as hdfs/hdfs_2pct.log.gz
with hdfs/labels.csv.
"""

import argparse
import secrets
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from aggregator.ledger import Ledger
from aggregator.privacy import Budget, noise_for, said
from aggregator.spending import RATE, Bought, Purse
from deepsentry import settings
from deepsentry.commands import public_sets
from deepsentry.commands.output import err, print_json, table
from deepsentry.errors import DeepSentryError
from deepsentry.events import ModelReference
from models.artifact import Federation
from models.detector import Detector
from models.evaluation.figures import Figures
from models.evaluation.protocol import VIEWS, Benchmark, budget_of, judge
from models.evaluation.sets import RATE as BUDGET_RATE
from models.evaluation.sets import chronological
from models.federated import Ask, Site
from models.preparing import TrainingOptions
from models.shared import Weights, initial

ENCODER_STEPS: Final = 40
STEPS: Final = 100
PRIVATE_RATE: Final = 0.01
PLAIN_ENCODER_STEPS: Final = 200
PLAIN_STEPS: Final = 800


class Row(msgspec.Struct, frozen=True):
    """One training and what it finds."""

    training: str
    seed: int
    f1: float
    views: dict[str, float]
    loss: float
    """Nats a line, on held-out sequences."""
    seconds: float


class Report(msgspec.Struct, frozen=True):
    """Means over the seeds, and every training."""

    epsilon: float
    delta: float
    records: int
    noise: float
    rate: float
    steps: int
    plain: float
    private: float
    cost: float
    untrained: float
    rows: list[Row]


def judged(site: Site, benchmark: Benchmark, weights: Weights, name: str, seed: int, began: float) -> Row:
    note = Federation("benchmark", ModelReference("benchmark", 1, ""), rounds=1, sites=1)
    detector = Detector(site.version(weights, note), ModelReference("benchmark", 1, ""))
    found, _ = judge(benchmark, detector)
    f1 = {view: round(Figures.of(each).f1, 4) for view, each in found.items()}
    row = Row(
        name,
        seed,
        f1["deepsentry"],
        {view: f1[view] for view in VIEWS},
        round(site.loss(weights), 4),
        round(time.monotonic() - began, 1),
    )
    err.print(f"{name}, seed {seed}: F1 {row.f1:.4f} in {row.seconds:g} s")
    return row


def plain(site: Site, seed: int) -> Weights:
    """Train as a site does without noise."""
    encoded = site.train_encoder(initial(seed), Ask(PLAIN_ENCODER_STEPS, 2e-3, seed=seed))
    return site.train(encoded, Ask(PLAIN_STEPS, 4e-3, seed=seed), lambda: False)


def private(site: Site, seed: int, noise: float, budget: Budget, home: Path) -> tuple[Weights, str]:
    """Train as a site does within its budget; the noise is another in every run."""
    purse = Purse(Ledger(home), budget, "sequence", lambda: "now", secrets.token_bytes)
    encoded = purse.train(site, initial(seed), Ask(ENCODER_STEPS, 2e-3, seed=seed), "encoder", noise, "benchmark", 1)
    if not isinstance(encoded, Bought):
        raise DeepSentryError(encoded.reason)
    done = purse.train(site, encoded.weights, Ask(STEPS, PRIVATE_RATE, seed=seed), "sequence", noise, "benchmark", 2)
    if not isinstance(done, Bought):
        raise DeepSentryError(done.reason)
    return done.weights, said(done.total)


def run(budget: Budget, seeds: int) -> Report:
    """Train and judge. Raises DeepSentryError."""
    effective, _ = settings.load()
    found = public_sets.hdfs_sessions(effective)
    benchmark = chronological(
        "hdfs-raw", found, train_share=0.5, validation_share=0.1, contaminated=False, rate=BUDGET_RATE
    )
    options = TrainingOptions(
        budget=budget_of(benchmark, benchmark.training), validation_share=benchmark.validation_share
    )
    site = Site(benchmark.training, options, lambda *_: None)
    noise = noise_for(budget, RATE, ENCODER_STEPS + STEPS)
    err.print(f"{site.records('sequence')} records; noise {noise:.3f} times the clipping bound")
    rows = [judged(site, benchmark, initial(0), "untrained", 0, time.monotonic())]
    for seed in range(seeds):
        began = time.monotonic()
        rows.append(judged(site, benchmark, plain(site, seed), "plain", seed, began))
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="deepsentry-bench-") as home:
            weights, cost = private(site, seed, noise, budget, Path(home) / "ledger")
        err.print(cost)
        rows.append(judged(site, benchmark, weights, "private", seed, began))
    return report(budget, site.records("sequence"), noise, rows)


def report(budget: Budget, records: int, noise: float, rows: Sequence[Row]) -> Report:
    """Return means and the cost."""
    mean = {
        name: float(np.mean([row.f1 for row in rows if row.training == name]))
        for name in ("untrained", "plain", "private")
    }
    return Report(
        epsilon=budget.epsilon,
        delta=budget.delta,
        records=records,
        noise=round(noise, 4),
        rate=RATE,
        steps=ENCODER_STEPS + STEPS,
        plain=round(mean["plain"], 4),
        private=round(mean["private"], 4),
        cost=round(mean["plain"] - mean["private"], 4),
        untrained=round(mean["untrained"], 4),
        rows=list(rows),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--epsilon", type=float, default=8.0, help="budget of all steps together")
    parser.add_argument("--delta", type=float, default=1e-5)
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each kind")
    arguments = parser.parse_args()
    try:
        found = run(Budget(arguments.epsilon, arguments.delta), arguments.seeds)
    except DeepSentryError as error:
        sys.exit(str(error))
    if arguments.json:
        print_json(found)
        return
    rows = [msgspec.structs.asdict(row) for row in found.rows]
    table([{**{name: value for name, value in row.items() if name != "views"}, **row["views"]} for row in rows])
    print(
        f"F1 {found.plain} without noise, {found.private} at epsilon {found.epsilon:g}, delta {found.delta:g} for one "
        f"sequence of {found.records}: it costs {found.cost}; untrained weights give {found.untrained}"
    )


if __name__ == "__main__":
    main()
