"""The honest benchmark as a command: public sets, or anyone's own labelled log."""

from pathlib import Path
from typing import Annotated, Any

import typer

from deepsentry import settings
from deepsentry.commands import public_sets
from deepsentry.commands.output import Json, TrainingBar, err, out, print_json, progress_bar, table
from deepsentry.errors import DataError
from deepsentry.settings import Settings
from models.evaluation import report as pages
from models.evaluation import suite
from models.evaluation.sets import RATE, chronological
from models.evaluation.suite import Outcome
from models.intake import Progress

SETS = ("hdfs-logdeep", "hdfs-raw", "hdfs-contaminated", "bgl", "order-faults", "reworded")
BGL_TRAINING = 0.2
"""Share of the BGL sample before its first big burst of alerts."""
ORDER_RATE = 0.002
BUDGETS = (0.005, 0.01, 0.02, 0.05)
"""Shares of sequences at which the raw HDFS sample is judged besides its own."""
LOGDEEP_RATE = 2.8e-5
"""The default budget, 10 false alarms a day, at the 575,061 sessions in 38.7 hours of that log."""


def evaluate(
    name: Annotated[str, typer.Argument(metavar="SET", help=f"{', '.join(SETS)} or all.")] = "",
    log: Annotated[list[Path], typer.Option(help="Your own log: a file, gzip too, or a folder; repeatable.")] = [],  # noqa: B006 - typer's way
    labels: Annotated[Path | None, typer.Option(help="CSV with the columns key,anomalous or line,anomalous.")] = None,
    key: Annotated[str, typer.Option(help="RE2 pattern of the session id; default: learned from the lines.")] = "",
    window: Annotated[int, typer.Option(min=0, help="Judge windows of so many lines instead of sessions.")] = 0,
    train_share: Annotated[float, typer.Option(min=0.05, max=0.9, help="Share by time to train on.")] = 0.5,
    validation_share: Annotated[float, typer.Option(min=0.01, max=0.4, help="Share by time for thresholds.")] = 0.1,
    rate: Annotated[
        float, typer.Option(min=0.0, max=0.5, help="Share of normal sequences that may be flagged; 0: the set's own.")
    ] = 0.0,
    seeds: Annotated[int, typer.Option(min=1, max=20, help="Trainings, each with its own seed.")] = 3,
    report: Annotated[Path | None, typer.Option(help="Write a page with plots here.")] = None,
    *,
    contaminated: Annotated[bool, typer.Option("--contaminated", help="Leave marked anomalies in training.")] = False,
    as_json: Json = False,
) -> None:
    """Measure detection by time order, thresholds from validation only, with the simple detectors beside ours."""
    effective, _ = settings.load()
    if bool(name) == bool(log):
        message = f"name a set ({', '.join(SETS)}, all), or your own data with --log and --labels"
        raise DataError(message)
    with progress_bar() as bar:
        progress = TrainingBar(bar)
        if log:
            if labels is None:
                message = "--log needs --labels: a CSV with the columns key,anomalous or line,anomalous"
                raise DataError(message)
            found = public_sets.own(effective, log, labels, key, window)
            benchmark = chronological(
                "own",
                found,
                train_share=train_share,
                validation_share=validation_share,
                contaminated=contaminated,
                rate=rate or RATE,
            )
            outcomes = [suite.standard(benchmark, seeds, progress)]
        else:
            outcomes = [_run(effective, each, rate, seeds, progress) for each in chosen(name)]
    if report is not None:
        _write(report, pages.page(outcomes))
    _show(name or "own", outcomes, as_json=as_json)


def chosen(name: str) -> tuple[str, ...]:
    """Return the sets that a name stands for. Raises DataError."""
    if name == "all":
        return SETS
    if name not in SETS:
        message = f"{name!r} is no set; there are {', '.join(SETS)} and all"
        raise DataError(message)
    return (name,)


def _run(effective: Settings, name: str, rate: float, seeds: int, progress: Progress) -> Outcome:
    match name:
        case "hdfs-logdeep":
            return suite.standard(public_sets.hdfs_logdeep(effective, rate or LOGDEEP_RATE), seeds, progress)
        case "order-faults":
            return suite.order_faults(public_sets.hdfs_logdeep(effective, rate or ORDER_RATE), seeds, progress)
        case "bgl":
            found = public_sets.bgl(effective, effective.sequences.window)
            benchmark = chronological(
                name,
                found,
                train_share=0.8 * BGL_TRAINING,
                validation_share=0.2 * BGL_TRAINING,
                contaminated=True,
                rate=rate or RATE,
            )
            return suite.windows(benchmark, found[len(found) - len(benchmark.test) :], seeds, progress)
        case _:
            benchmark = chronological(
                name,
                public_sets.hdfs_sessions(effective),
                train_share=0.5,
                validation_share=0.1,
                contaminated=name == "hdfs-contaminated",
                rate=rate or RATE,
            )
            if name == "reworded":
                return suite.reworded(benchmark, public_sets.samples(effective), seeds, progress)
            return suite.standard(benchmark, seeds, progress, BUDGETS)


def _show(name: str, outcomes: list[Outcome], *, as_json: bool) -> None:
    if as_json:
        found: list[dict[str, Any]] = [outcome.found for outcome in outcomes]
        print_json(found[0] if len(found) == 1 else {"set": name, "sets": found})
        return
    for outcome in outcomes:
        for fact, value in outcome.found["protocol"].items():
            err.print(f"{fact.replace('_', ' ')}: {value}", style="dim", markup=False)
        rows = [{"detector": detector, **row} for detector, row in outcome.found["results"].items()]
        columns = dict.fromkeys(column for row in rows for column in row)
        table([{column: row.get(column, "") for column in columns} for row in rows], str(outcome.found["set"]))
        if budgets := outcome.found.get("budgets"):
            table([{"budget": budget, **row} for budget, row in budgets.items()], "by budget")
        out.print()


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        message = f"{path}: {error.strerror}"
        raise DataError(message) from None
