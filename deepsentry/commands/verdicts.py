"""Commands about what people say of alerts: verdict, verdicts list|withdraw."""

import getpass
import platform
from datetime import UTC, datetime
from typing import Annotated

import typer

from deepsentry import feedback, settings
from deepsentry.commands.output import Json, err, out, print_json, table
from deepsentry.errors import DataError
from deepsentry.events import Judgement, Verdict
from streams.alerts.judged import until

verdicts = typer.Typer(no_args_is_help=True, help="What people said of alerts, and taking it back.")

By = Annotated[str, typer.Option("--by", help="Who says it; default: the user of this machine.")]


def verdict(
    name: Annotated[str, typer.Argument(metavar="ID", help="Id of an anomaly or of an alert, or its first digits.")],
    note: Annotated[str, typer.Option(help="Why, for whoever reads it later.")] = "",
    by: By = "",
    *,
    false_alarm: Annotated[bool, typer.Option("--false-alarm", help="It was nothing: do not tell of such again.")] = (
        False
    ),
    true: Annotated[bool, typer.Option("--true", help="It was right: such sequences are never learned as normal.")] = (
        False
    ),
    as_json: Json = False,
) -> None:
    """Say whether an alert was right; the newest verdict on an anomaly counts, and it can be withdrawn."""
    if false_alarm == true:
        message = "say either --false-alarm or --true"
        raise DataError(message)
    effective, _ = settings.load()
    anomaly, alert = feedback.find(effective.kafka, name)
    judgement: Judgement = "true" if true else "false_alarm"
    given = feedback.verdict_on(anomaly, judgement, by or user(), datetime.now(UTC), note=note, alert=alert)
    feedback.publish(effective.kafka, given)
    if as_json:
        print_json(given)
        return
    out.print(f"{given.by} called {given.anomaly[:12]} {_words(given)}", markup=False)
    if false_alarm:
        err.print(
            f"others like it are kept from people until {until(given, effective.alerts.verdict_days):%Y-%m-%d}; "
            "`deepsentry recalibrate` makes the detector itself know them",
            markup=False,
        )


@verdicts.command("list")
def list_verdicts(
    *,
    everything: Annotated[bool, typer.Option("--all", help="Withdrawn ones, too.")] = False,
    as_json: Json = False,
) -> None:
    """List the verdicts that stand, the newest first."""
    effective, _ = settings.load()
    found = sorted(feedback.stored(effective.kafka).values(), key=lambda each: each.at, reverse=True)
    shown = [each for each in found if everything or not each.withdrawn]
    if as_json:
        print_json(shown)
        return
    table(
        [
            {
                "anomaly": each.anomaly[:12],
                "said": _words(each),
                "by": each.by,
                "at": f"{each.at:%Y-%m-%d %H:%M}",
                "holds until": _holds(each, effective.alerts.verdict_days),
                "service": each.judged.service if each.judged else "",
                "what": each.judged.explanation.summary if each.judged else "",
                "note": each.note,
            }
            for each in shown
        ]
    )


@verdicts.command("withdraw")
def withdraw(
    name: Annotated[str, typer.Argument(metavar="ID", help="Id of the anomaly or alert that was judged.")],
    by: By = "",
    *,
    as_json: Json = False,
) -> None:
    """Take a verdict back: others like it are told again, and the next version no longer knows it."""
    effective, _ = settings.load()
    given = feedback.find_verdict(feedback.stored(effective.kafka).values(), name)
    gone = feedback.withdrawn(given, by or user(), datetime.now(UTC))
    feedback.publish(effective.kafka, gone)
    if as_json:
        print_json(gone)
        return
    out.print(f"{gone.withdrawn_by} withdrew what {gone.by} said of {gone.anomaly[:12]}", markup=False)


def user() -> str:
    """Return who sits at this machine."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        name = "unknown"
    return f"{name}@{platform.node()}"


def _words(given: Verdict) -> str:
    said = "a false alarm" if given.judgement == "false_alarm" else "right"
    return f"{said} (withdrawn by {given.withdrawn_by})" if given.withdrawn else said


def _holds(given: Verdict, days: float) -> str:
    if given.judgement == "true" or given.withdrawn:
        return ""
    return f"{until(given, days):%Y-%m-%d}"
