"""What answers to alerts change: an operator answers the first 0, 5, 10, 20 and 50, and what follows is counted."""

import argparse
import sys
from typing import Final

from benchmarks.answers.cases import streams
from benchmarks.answers.operator import ANSWERS, OURS, RULES, Outcome, curves, mean
from deepsentry import settings
from deepsentry.commands.output import TrainingBar, print_json, progress_bar, table
from deepsentry.errors import DeepSentryError

SETS: Final = ("hdfs", "shop")
ABOUT: Final = {
    "hdfs": "HDFS, the published sessions at times of chance, one in a thousand anomalous",
    "shop": "the demo's shop, which begins to do seven sound things that training never saw",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--set", choices=SETS, action="append", help="one of them; default: both")
    parser.add_argument("--seeds", type=int, default=3, help="trainings and orders of events, default 3")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    arguments = parser.parse_args()
    effective, _ = settings.load()
    found = {}
    try:
        for name in arguments.set or SETS:
            with progress_bar() as bar:
                curve = [curves(stream)[1] for stream in streams(effective, name, arguments.seeds, TrainingBar(bar))]
            found[name] = {rule: [each[rule] for each in curve] for rule in RULES}
            if not arguments.json:
                show(name, found[name])
    except DeepSentryError as error:
        sys.exit(str(error))
    if arguments.json:
        print_json(found)


def show(name: str, curve: dict[str, list[list[Outcome]]]) -> None:
    rows = []
    for rule, runs in curve.items():
        means = mean(runs)
        cells = {
            f"{n} answers": f"{precision:.3f} / {recall:.3f} ({worst:.3f})"
            for n, (precision, recall, worst) in zip(ANSWERS, means, strict=True)
        }
        rows.append({"rule": rule, **cells})
    table(rows, f"{ABOUT[name]}: precision / recall (worst seed's recall)")
    at = ANSWERS.index(20)
    for rule in OURS:
        means = mean(curve[rule])
        before, after = means[0], means[at]
        print(
            f"{rule}: after 20 answers {(after[0] - before[0]) / (1 - before[0]):.0%} of what was missing to a "
            f"precision of 1, recall {after[1] - before[1]:+.4f}"
        )


if __name__ == "__main__":
    main()
