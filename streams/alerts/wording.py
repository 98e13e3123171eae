"""The facts of an anomaly or alert in plain words, the same on every channel: what, where, why, what instead. Pure.

Every text that came from logs is harmless for eyes and terminals here (`visible`); a channel escapes its own markup.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from deepsentry.events import Alert, Anomaly, Explanation, Judgement, Line
from deepsentry.topics import CLEAN
from streams.alerts.notice import Notice
from streams.alerts.visible import visible

LINE: Final = 400
"""Characters of a log line that are shown."""
NAME: Final = 120
"""Characters of a host, service or sequence key that are shown."""
TITLE: Final = 200
ADDRESS: Final = 1000
HOSTS: Final = 5
TEMPLATES: Final = 3
EXPECTED: Final = 5
ANSWERS: Final[dict[Judgement, str]] = {"false_alarm": "False alarm", "true": "It was right"}
"""What links to a verdict are called."""


def facts(notice: Notice) -> Iterator[tuple[str, str]]:
    """Yield label and value, which may have several lines; a resolved alert has only the first two."""
    alert = notice.alert
    yield "seen", seen(alert)
    yield "where", where(alert.anomaly, alert.hosts)
    if alert.status == "firing":
        yield from reasons(alert.anomaly)
        if alert.runbook:
            yield "runbook", visible(alert.runbook, ADDRESS)


def reasons(strange: Anomaly) -> Iterator[tuple[str, str]]:
    """Yield label and value of why it is strange, and what was expected."""
    explanation = strange.explanation
    yield "why", "\n".join(text for text, _ in why(explanation))
    if explanation.expected:
        yield "expected", "\n".join(expected(explanation))
    if instead(strange):
        yield "instead", instead(strange)
    if explanation.neighbour is not None:
        yield "nearest", "\n".join(nearest(explanation))


def title(alert: Alert) -> str:
    """Return what an alert is about, in one line."""
    return visible(alert.title, TITLE) or "an anomaly"


def where(strange: Anomaly, hosts: tuple[str, ...]) -> str:
    """Return service, hosts and sequence."""
    shown = ", ".join(visible(host, NAME) for host in hosts[:HOSTS])
    more = f" and {len(hosts) - HOSTS} more" if len(hosts) > HOSTS else ""
    service = f"{visible(strange.service, NAME)} " if strange.service else ""
    on = f"on {shown}{more}" if shown else ""
    state = "complete" if strange.complete else "still open"
    kind = f"{strange.kind} {visible(strange.sequence, NAME)} ({strange.length:,} lines, {state})"
    return "; ".join(part for part in ((service + on).strip(), kind) if part)


def why(explanation: Explanation) -> Iterator[tuple[str, bool]]:
    """Yield what each view says, and whether it fired."""
    for view in explanation.views:
        fired = view.score > 1
        detail = f"  {visible(view.detail, LINE)}" if fired and view.detail else ""
        yield f"{view.view:<9}{view.score:6.2f} x threshold{detail}", fired


def expected(explanation: Explanation) -> Iterator[str]:
    """Yield what was expected, with its probability."""
    for item in explanation.expected[:EXPECTED]:
        yield f"{100 * item.probability:3.0f} %  {visible(item.template, LINE)}"


def instead(strange: Anomaly) -> str:
    """Return what came instead; empty where there is nothing to say."""
    if strange.explanation.deviation is None:
        return "the sequence ended" if strange.complete else "nothing of it so far"
    return visible(strange.explanation.template, LINE)


def nearest(explanation: Explanation) -> Iterator[str]:
    """Yield how far the nearest normal sequence is, and what it has more and fewer of."""
    neighbour = explanation.neighbour
    if neighbour is None:
        return
    yield f"normal sequence at distance {neighbour.distance:.2f}"
    for word, counts in (("more", neighbour.missing), ("fewer", neighbour.extra)):
        largest = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        yield from (f"  {count} {word}: {visible(template, LINE)}" for template, count in largest[:TEMPLATES])
        if len(largest) > TEMPLATES:
            yield f"  and {len(largest) - TEMPLATES} other templates with {word}"


def lines(strange: Anomaly) -> Iterator[str]:
    """Yield the lines around the deviation, which is marked."""
    for line in strange.lines:
        yield f"{mark(line)} {clock(line.timestamp)} {visible(line.message, LINE)}"


def mark(line: Line) -> str:
    """Return what stands before a line."""
    return "▶" if line.deviates else " "


def source(strange: Anomaly) -> str:
    """Return where the lines stand."""
    first, last = min(strange.positions, default=0), max(strange.positions, default=0)
    topic = strange.lines[0].clean.topic if strange.lines else CLEAN.name
    if topic != CLEAN.name:
        return f"{visible(topic, NAME)}, lines {first} to {last}"
    return f"{topic} partition {strange.partition}, offsets {first} to {last}"


def model(strange: Anomaly) -> str:
    """Return which version judged, and at which budget."""
    judge = strange.model
    return (
        f"{visible(judge.name, NAME)} version {judge.version} ({visible(judge.digest[:12])}), "
        f"budget {strange.budget:g} false alarms a day"
    )


def closer(strange: Anomaly) -> str:
    """Return the command that shows more."""
    return f"deepsentry explain {visible(strange.id, NAME)}"


def seen(alert: Alert) -> str:
    """Return how often and when."""
    word = "anomaly" if alert.count == 1 else "anomalies"
    span = time(alert.first_seen)
    if alert.last_seen > alert.first_seen:
        span += f" to {time(alert.last_seen)}"
    return f"{alert.count:,} {word}, {span}"


def time(moment: datetime) -> str:
    """Return a moment to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def clock(timestamp: float) -> str:
    """Return the time of day of Unix seconds, to the millisecond."""
    try:
        return datetime.fromtimestamp(timestamp, UTC).strftime("%H:%M:%S.%f")[:-3]
    except (ValueError, OverflowError, OSError):
        return "--:--:--.---"
