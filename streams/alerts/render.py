"""Anomalies and alerts on a terminal, as a person on call wants to read them. Pure."""

from collections.abc import Iterator
from typing import Final

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from deepsentry.events import Alert, Anomaly, Context, Line, Severity
from deepsentry.topics import CLEAN
from streams.alerts import around, wording
from streams.alerts.notice import Notice
from streams.alerts.visible import visible
from streams.alerts.wording import LINE, NAME

BEFORE: Final = 50
"""Lines of the minutes before that are shown."""
STYLES: Final[dict[Severity, str]] = {"critical": "bold red", "error": "red", "warning": "yellow", "info": "cyan"}


def alert(notice: Notice) -> RenderableType:
    """Return the panel of `notice`: the alert's title and state, and its strangest anomaly where that is news."""
    return _alert(notice.alert, notice.occasion, whole=notice.alert.status == "firing")


def state(change: Alert) -> RenderableType:
    """Return the panel of an alert as it stands, with all that is known of it."""
    return _alert(change, change.status, whole=True)


def line(notice: Notice, occasion: str) -> Text:
    """Return `notice` in one line: when, how bad, what happened, how often, which."""
    change = notice.alert
    style = style_of(change)
    return Text.assemble(
        (wording.time(change.updated_at).removesuffix(" UTC"), "dim"),
        (f" {change.severity:<8}", style),
        (f" {occasion:<10}", style),
        f" {wording.title(change)}",
        (f"  {change.count:,} x", "dim"),
        (f"  {visible(change.id, NAME)}", "dim"),
    )


def style_of(change: Alert) -> str:
    """Return how an alert is coloured."""
    return (
        "green" if change.status == "resolved" else "dim" if change.status == "suppressed" else STYLES[change.severity]
    )


def context(found: Context) -> RenderableType:
    """Return what stood around an alert."""
    facts = _facts()
    for label, value in around.facts(found):
        facts.add_row(label, Text(value))
    heading, *others = around.before(found, BEFORE)
    return Group(facts, Text(), Text(heading, "dim"), *map(Text, others))


def _alert(change: Alert, occasion: str, *, whole: bool) -> Panel:
    style = style_of(change)
    heading = Text.assemble(
        (f"{change.severity.upper()} ", style), (visible(change.title), "bold"), (f"  {occasion}", style)
    )
    facts = _facts()
    facts.add_row("seen", Text(wording.seen(change)))
    facts.add_row("where", Text(wording.where(change.anomaly, change.hosts)))
    if change.reason:
        facts.add_row("silenced", Text(visible(change.reason, LINE)))
    if not whole:
        return _panel(heading, Group(facts, _closer(change.anomaly)), style, f"alert {visible(change.id, NAME)}")
    _add_reasons(facts, change.anomaly)
    if change.runbook:
        facts.add_row("runbook", Text(visible(change.runbook, wording.ADDRESS)))
    body = Group(facts, *_evidence(change.anomaly))
    return _panel(heading, body, style, f"alert {visible(change.id, NAME)}")


def anomaly(strange: Anomaly) -> RenderableType:
    """Return the panel of `strange` by itself."""
    style = STYLES[strange.severity]
    heading = Text.assemble((f"{strange.severity.upper()} ", style), (visible(strange.explanation.summary), "bold"))
    facts = _facts()
    facts.add_row("seen", Text(wording.time(strange.observed_at)))
    facts.add_row("where", Text(wording.where(strange, (strange.host,) if strange.host else ())))
    _add_reasons(facts, strange)
    return _panel(heading, Group(facts, *_evidence(strange)), style, f"anomaly {visible(strange.id, NAME)}")


def _panel(heading: Text, body: RenderableType, style: str, label: str) -> Panel:
    content = Group(heading, Text(), body)
    return Panel(content, title=Text(label, "dim"), title_align="right", border_style=style, box=box.ROUNDED)


def _facts() -> Table:
    table = Table.grid(padding=(0, 2), pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    return table


def _add_reasons(facts: Table, strange: Anomaly) -> None:
    for label, value in wording.reasons(strange):
        facts.add_row(label, _why(strange) if label == "why" else Text(value))


def _why(strange: Anomaly) -> Text:
    views = (Text(text, "" if fired else "dim") for text, fired in wording.why(strange.explanation))
    return Text("\n").join(views)


def _evidence(strange: Anomaly) -> Iterator[RenderableType]:
    if strange.lines:
        yield Text()
        yield _lines(strange.lines)
    yield Text()
    yield Text(wording.source(strange), "dim")
    if strange.lines and strange.lines[0].clean.topic != CLEAN.name:
        return  # a file was looked at: there is nothing on Kafka to look at more closely
    yield Text(wording.model(strange), "dim")
    yield _closer(strange)


def _lines(lines: tuple[Line, ...]) -> Table:
    table = Table.grid(padding=(0, 1), pad_edge=False)
    table.add_column(no_wrap=True, width=1)
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    for line in lines:
        style = "bold red" if line.deviates else ""
        moment, message = Text(wording.clock(line.timestamp)), Text(visible(line.message, LINE), style)
        table.add_row(Text(wording.mark(line), style), moment, message)
    return table


def _closer(strange: Anomaly) -> Text:
    return Text.assemble(("look closer: ", "dim"), wording.closer(strange))
