"""Anomalies and alerts as a person on call wants to read them: what, where, why, what instead, which lines. Pure."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from deepsentry.events import Alert, Anomaly, Explanation, Line, Severity
from deepsentry.topics import CLEAN
from streams.alerts.notice import Notice
from streams.alerts.visible import visible

STYLES: Final[dict[Severity, str]] = {"critical": "bold red", "error": "red", "warning": "yellow", "info": "cyan"}
LINE: Final = 400
"""Characters of a log line that are shown."""
NAME: Final = 120
"""Characters of a host, service or sequence key that are shown."""
HOSTS: Final = 5
TEMPLATES: Final = 3


def alert(notice: Notice) -> RenderableType:
    """Return the panel of `notice`: the alert's title and state, and its strangest anomaly."""
    change = notice.alert
    style = "green" if change.status == "resolved" else STYLES[change.severity]
    heading = Text.assemble(
        (f"{change.severity.upper()} ", style), (visible(change.title), "bold"), (f"  {notice.occasion}", style)
    )
    facts = _facts()
    facts.add_row("seen", _seen(change))
    if change.status == "firing":
        for label, value in _anomaly_rows(change.anomaly, change.hosts):
            facts.add_row(label, value)
        body: RenderableType = Group(facts, *_evidence(change.anomaly))
    else:
        facts.add_row("where", _where(change.anomaly, change.hosts))
        body = Group(facts, _closer(change.anomaly))
    return _panel(heading, body, style, f"alert {visible(change.id, NAME)}")


def anomaly(strange: Anomaly) -> RenderableType:
    """Return the panel of `strange` by itself."""
    style = STYLES[strange.severity]
    heading = Text.assemble((f"{strange.severity.upper()} ", style), (visible(strange.explanation.summary), "bold"))
    facts = _facts()
    facts.add_row("seen", _time(strange.observed_at))
    hosts = (strange.host,) if strange.host else ()
    for label, value in _anomaly_rows(strange, hosts):
        facts.add_row(label, value)
    return _panel(heading, Group(facts, *_evidence(strange)), style, f"anomaly {visible(strange.id, NAME)}")


def _panel(heading: Text, body: RenderableType, style: str, label: str) -> Panel:
    content = Group(heading, Text(), body)
    return Panel(content, title=Text(label, "dim"), title_align="right", border_style=style, box=box.ROUNDED)


def _facts() -> Table:
    table = Table.grid(padding=(0, 2), pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    return table


def _anomaly_rows(strange: Anomaly, hosts: tuple[str, ...]) -> Iterator[tuple[str, RenderableType]]:
    explanation = strange.explanation
    yield "where", _where(strange, hosts)
    yield "why", _why(explanation)
    if explanation.expected:
        yield "expected", _expected(explanation)
    if explanation.deviation is None:
        yield "instead", Text("the sequence ended" if strange.complete else "nothing of it so far")
    elif explanation.template:
        yield "instead", Text(visible(explanation.template, LINE))
    if explanation.neighbour is not None:
        yield "nearest", _nearest(explanation)


def _where(strange: Anomaly, hosts: tuple[str, ...]) -> Text:
    shown = ", ".join(visible(host, NAME) for host in hosts[:HOSTS])
    more = f" and {len(hosts) - HOSTS} more" if len(hosts) > HOSTS else ""
    service = f"{visible(strange.service, NAME)} " if strange.service else ""
    on = f"on {shown}{more}" if shown else ""
    state = "complete" if strange.complete else "still open"
    kind = f"{strange.kind} {visible(strange.sequence, NAME)} ({strange.length:,} lines, {state})"
    return Text("; ".join(part for part in ((service + on).strip(), kind) if part))


def _why(explanation: Explanation) -> Text:
    text = Text()
    for number, view in enumerate(explanation.views):
        fired = view.score > 1
        detail = f"  {visible(view.detail, LINE)}" if fired and view.detail else ""
        text.append("\n" if number else "")
        text.append(f"{view.view:<9}{view.score:6.2f} x threshold{detail}", "" if fired else "dim")
    return text


def _expected(explanation: Explanation) -> Text:
    rows = (f"{100 * item.probability:3.0f} %  {visible(item.template, LINE)}" for item in explanation.expected)
    return Text("\n".join(rows))


def _nearest(explanation: Explanation) -> Text:
    neighbour = explanation.neighbour
    if neighbour is None:
        return Text()
    rows = [f"normal sequence at distance {neighbour.distance:.2f}"]
    for word, counts in (("more", neighbour.missing), ("fewer", neighbour.extra)):
        largest = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        rows += [f"  {count} {word}: {visible(template, LINE)}" for template, count in largest[:TEMPLATES]]
        if len(largest) > TEMPLATES:
            rows.append(f"  and {len(largest) - TEMPLATES} other templates with {word}")
    return Text("\n".join(rows))


def _evidence(strange: Anomaly) -> Iterator[RenderableType]:
    if strange.lines:
        yield Text()
        yield _lines(strange.lines)
    yield Text()
    first, last = min(strange.positions, default=0), max(strange.positions, default=0)
    topic = strange.lines[0].clean.topic if strange.lines else CLEAN.name
    model = strange.model
    if topic != CLEAN.name:  # a file was looked at: there is nothing on Kafka to look at more closely
        yield Text(f"{visible(topic, NAME)}, lines {first} to {last}", "dim")
        return
    yield Text(f"{topic} partition {strange.partition}, offsets {first} to {last}", "dim")
    yield Text(
        f"{visible(model.name, NAME)} version {model.version} ({visible(model.digest[:12])}), "
        f"budget {strange.budget:g} false alarms a day",
        "dim",
    )
    yield _closer(strange)


def _lines(lines: tuple[Line, ...]) -> Table:
    table = Table.grid(padding=(0, 1), pad_edge=False)
    table.add_column(no_wrap=True, width=1)
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    for line in lines:
        style = "bold red" if line.deviates else ""
        mark = Text("▶" if line.deviates else " ", style)
        table.add_row(mark, Text(_clock(line.timestamp)), Text(visible(line.message, LINE), style))
    return table


def _closer(strange: Anomaly) -> Text:
    return Text.assemble(("look closer: ", "dim"), f"deepsentry explain {visible(strange.id, NAME)}")


def _seen(change: Alert) -> Text:
    word = "anomaly" if change.count == 1 else "anomalies"
    span = _time(change.first_seen).plain
    if change.last_seen > change.first_seen:
        span += f" to {_time(change.last_seen).plain}"
    return Text(f"{change.count:,} {word}, {span}")


def _time(moment: datetime) -> Text:
    return Text(moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"))


def _clock(timestamp: float) -> str:
    try:
        return datetime.fromtimestamp(timestamp, UTC).strftime("%H:%M:%S.%f")[:-3]
    except (ValueError, OverflowError, OSError):
        return "--:--:--.---"
