"""Commands about alerts: try a target, and see who would be told."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console

from deepsentry import settings
from deepsentry.commands.output import Json, out, print_json, table
from deepsentry.errors import NotFound
from deepsentry.events import Alert, Anomaly, Explanation, Line, ModelReference, Position, ViewScore
from deepsentry.topics import CLEAN, RAW
from streams.alerting.receipts import HeldReceipts
from streams.alerts.fingerprint import digest
from streams.alerts.notice import Notice
from streams.alerts.notifiers.compose import build
from streams.alerts.notifiers.delivery import Surroundings
from streams.alerts.notifiers.notifier import Notifier
from streams.alerts.routes import Routes, assignments

alerts = typer.Typer(no_args_is_help=True, help="Who is told of alerts, and how they reach them.")

SUMMARY: Final = "a test by hand: nothing is wrong"


@alerts.command("test")
def test_target(target: Annotated[str, typer.Option("--target", help="Name in alerts.targets.")]) -> None:
    """Send a target an alert that is marked as a test, then its end, and print what the target answers."""
    loaded, _ = settings.load()
    if target not in loaded.alerts.targets:
        known = ", ".join(loaded.alerts.targets) or "none is set"
        message = f"alerts.targets has no {target!r}; known: {known}"
        raise NotFound(message)
    chosen = {target: loaded.alerts.targets[target]}
    surroundings = Surroundings(_now, source=f"/{loaded.kafka.group_prefix}")
    [notifier] = build(chosen, Console(), surroundings, HeldReceipts(), time.monotonic).values()
    asyncio.run(_tell(notifier, sample(_now())))


@alerts.command()
def route(
    labels: Annotated[str, typer.Argument(help="Such as service=shop,severity=critical,host=web-1.")],
    *,
    as_json: Json = False,
) -> None:
    """Print which targets would be told of an alert with these labels, and why."""
    loaded, _ = settings.load()
    routes = Routes(loaded.alerts.routes, loaded.alerts.targets)
    rows: list[dict[str, object]] = [
        {"target": choice.target, "why": choice.why} for choice in routes.choices(assignments(labels))
    ]
    if as_json:
        print_json(rows)
    elif rows:
        table(rows)
    else:
        out.print("nobody is told")


def sample(now: datetime) -> Alert:
    """Return an alert that says that it is a test; each has an id of its own."""
    identity = digest("test", now.isoformat())
    moment = now.timestamp()
    said = ("a line before", "this line stands for one that deviates", "a line after")
    lines = tuple(
        Line(Position(CLEAN.name, 0, n), Position(RAW.name, 0, n), moment + n, text, deviates=n == 1)
        for n, text in enumerate(said)
    )
    anomaly = Anomaly(
        id=identity,
        fingerprint="test",
        view="sequence",
        score=1.0,
        severity="info",
        sequence="test",
        kind="session",
        host="",
        service="deepsentry",
        observed_at=now,
        detected_at=now,
        complete=True,
        length=len(lines),
        explanation=Explanation(SUMMARY, (ViewScore("sequence", 1.0),), deviation=1, template=said[1]),
        lines=lines,
        positions=(0, 1, 2),
        partition=0,
        model=ModelReference("test", 0, "0" * 64),
        budget=0.0,
    )
    return Alert(
        id=identity,
        fingerprint="test",
        status="firing",
        severity="info",
        title=f"TEST: {SUMMARY}",
        service="deepsentry",
        hosts=(),
        count=1,
        first_seen=now,
        last_seen=now,
        updated_at=now,
        anomaly=anomaly,
        anomaly_ids=(identity,),
    )


async def _tell(notifier: Notifier, alert: Alert) -> None:
    over = msgspec.structs.replace(alert, status="resolved")
    for notice in (Notice(alert, "opened"), Notice(over, "resolved")):
        answer = await notifier.notify(notice)
        out.print(f"{notice.occasion}: {answer}", markup=False)


def _now() -> datetime:
    return datetime.now(UTC)
