"""Commands that show alerts: alerts list|show."""

import time
from collections.abc import Iterable, Iterator
from typing import Annotated, Final

import typer
from confluent_kafka import KafkaException

from deepsentry import kafka as broker
from deepsentry import settings, topics, wire
from deepsentry.commands.learn import moment
from deepsentry.commands.output import Json, err, out, print_json, table
from deepsentry.errors import DataError, KafkaError, NotFound, WireError
from deepsentry.events import Alert, Severity
from deepsentry.kafka import Stored
from deepsentry.sections import Kafka
from streams.alerting.looking import Looking
from streams.alerts import render, wording
from streams.alerts.fingerprint import SEVERITIES, rank
from streams.alerts.routes import Matcher, labels_of, parse
from streams.alerts.state import OPEN, key_of
from streams.alerts.visible import visible

SinceOption = Annotated[str, typer.Option("--since", help="Changed since: 90m, 12h, 7d or an RFC 3339 time.")]
SeverityOption = Annotated[str, typer.Option("--severity", help=f"At least so severe: {', '.join(SEVERITIES)}.")]
MatchOption = Annotated[
    list[str] | None,
    typer.Option("--match", help="A condition as in alerts.routes, such as service=shop; may come again."),
]
TITLE: Final = 80


class Filter:
    """Which alerts are meant: all conditions must hold."""

    def __init__(self, severity: str, match: Iterable[str] | None) -> None:
        """Raises DataError, SettingsError."""
        if severity and severity not in SEVERITIES:
            message = f"--severity: {severity!r} is none of {', '.join(SEVERITIES)}"
            raise DataError(message)
        self._least: Severity | None = next((each for each in SEVERITIES if each == severity), None)
        self._matchers: tuple[Matcher, ...] = tuple(parse(text, "--match") for text in match or ())

    def takes(self, alert: Alert) -> bool:
        """Tell whether `alert` is meant."""
        if self._least is not None and rank(alert.severity) < rank(self._least):
            return False
        labels = labels_of(alert)
        return all(matcher.holds(labels) for matcher in self._matchers)


def since_of(text: str) -> float | None:
    """Return Unix seconds of `--since`, None where it is not given. Raises DataError."""
    return moment(text, time.time())


def records(
    kafka: Kafka, since: float | None = None, begin: dict[int, int] | None = None, *, follow: bool = False
) -> Iterator[tuple[Stored, Alert]]:
    """Yield the records of the alert topic that are alerts; `begin`: partition -> first offset. Raises KafkaError."""
    for record in broker.read(kafka, topics.ALERTS.name, since=since, begin=begin, follow=follow):
        try:
            yield record, wire.decode(Alert, record.value)
        except WireError:
            continue


def list_alerts(
    since: SinceOption = "",
    severity: SeverityOption = "",
    match: MatchOption = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many are shown, the newest.")] = 50,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Also those that are over or silenced.")] = False,
    as_json: Json = False,
) -> None:
    """List alerts that are open, the one that changed last at the bottom."""
    effective, _ = settings.load()
    wanted = Filter(severity, match)
    newest = {key_of(alert): alert for _, alert in records(effective.kafka, since_of(since))}
    found = [alert for alert in newest.values() if (everything or alert.status in OPEN) and wanted.takes(alert)]
    shown = sorted(found, key=lambda alert: alert.updated_at)[-limit:]
    if as_json:
        print_json({"found": len(found), "alerts": shown})
        return
    table([_row(alert) for alert in shown])
    over = sum(alert.status not in OPEN for alert in newest.values())
    more = "" if everything or not over else f"; {over:,} that are over or silenced: --all"
    err.print(f"{len(found):,} alerts, {len(shown):,} shown{more}", markup=False)


def show(
    name: Annotated[str, typer.Argument(metavar="ID", help="Its id, or the first digits of it.")],
    *,
    as_json: Json = False,
) -> None:
    """Show one alert: why, its lines, the five minutes before, earlier alerts like it and what was said of them."""
    effective, _ = settings.load()
    alert = find(effective.kafka, name)
    try:
        context = Looking(effective.kafka).look(alert)
    except KafkaException as error:
        message = f"broker {effective.kafka.bootstrap}: {error}"
        raise KafkaError(message) from error
    if as_json:
        print_json({"alert": alert, "context": context})
        return
    out.print(render.state(alert))
    out.print(render.context(context))


def find(kafka: Kafka, prefix: str) -> Alert:
    """Return the newest record of the alert whose id begins with `prefix`. Raises NotFound, KafkaError."""
    found = {alert.id: alert for _, alert in records(kafka) if alert.id.startswith(prefix)}
    if not found:
        message = f"no alert {prefix!r} on {topics.ALERTS.name}; `deepsentry alerts list --all` shows them"
        raise NotFound(message)
    if len(found) > 1:
        message = f"{prefix!r} begins {len(found)} alert ids, such as {', '.join(sorted(found)[:3])}"
        raise NotFound(message)
    return found.popitem()[1]


def _row(alert: Alert) -> dict[str, object]:
    return {
        "alert": alert.id,
        "status": alert.status,
        "severity": alert.severity,
        "anomalies": f"{alert.count:,}",
        "last seen": wording.time(alert.last_seen),
        "what": visible(alert.title, TITLE),
        **({"why": visible(alert.reason, TITLE)} if alert.reason else {}),
    }
