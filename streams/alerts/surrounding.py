"""The minutes before an alert: lines of the same service or host, and how often the odd statement came. Pure."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

import msgspec
import re2

from deepsentry import wire
from deepsentry.events import Alert, Anomaly, CleanEntry, Context, Surrounding
from streams.alerts.history import History

SECONDS: Final = 300.0
PARTS: Final = 20
"""Of the histogram."""
LINES: Final = 50
MESSAGE: Final = 400
"""Characters of a line."""
LIMIT: Final = 16_384
"""Bytes of a context."""
_MARK: Final = re.compile(r"\\<(?:\\\*|([a-z_]+))\\>")
"""A mark, its punctuation escaped."""


def context(alert: Alert, entries: Iterable[CleanEntry], history: History, *, whole: bool) -> Context:
    """Return the context of `alert`; `entries` are clean lines of about that time, `whole` where these are all."""
    strange = alert.anomaly
    until = moment(strange)
    since = until - SECONDS
    places = {(line.raw.topic, line.raw.partition, line.raw.offset, line.raw.index) for line in strange.lines}
    pattern = _pattern(strange.explanation.template)
    before: list[Surrounding] = []
    counts = [0] * (PARTS if pattern else 0)
    for entry in entries:
        if not since <= entry.timestamp <= until or not _is_near(entry, strange):
            continue
        if pattern and pattern.fullmatch(entry.message):
            counts[min(PARTS - 1, int((entry.timestamp - since) / SECONDS * PARTS))] += 1
        if (entry.raw.topic, entry.raw.partition, entry.raw.offset, entry.raw.index) not in places:
            before.append(
                Surrounding(
                    timestamp=entry.timestamp,
                    message=entry.message[:MESSAGE],
                    host=entry.host,
                    service=entry.service,
                    level=entry.level,
                )
            )
    before.sort(key=lambda line: line.timestamp)
    known = history.known(alert)
    return _bounded(
        Context(
            since=datetime.fromtimestamp(since, UTC),
            until=datetime.fromtimestamp(until, UTC),
            lines=tuple(before[-LINES:]),
            found=len(before),
            whole=whole,
            histogram=tuple(counts),
            first_seen=known.first_seen,
            last_seen=known.last_seen,
            alerts=known.alerts,
            past=history.past(alert),
        )
    )


def moment(strange: Anomaly) -> float:
    """Return when the deviating line was written, Unix seconds; of the last known where a line is missing."""
    times = [line.timestamp for line in strange.lines if line.deviates] or [line.timestamp for line in strange.lines]
    at = max(times, default=strange.observed_at.timestamp())
    return min(max(at, SECONDS), datetime.max.replace(tzinfo=UTC).timestamp() - 1)  # a log can say any time


def _is_near(entry: CleanEntry, strange: Anomaly) -> bool:
    if not (strange.service or strange.host):
        return True
    return (entry.service == strange.service != "") or (entry.host == strange.host != "")


def _pattern(template: str) -> "re2._Regexp | None":
    """Return what matches lines of `template`, whose tokens a single space separates; None where it is too long."""
    if not template or len(template) > 10 * MESSAGE:
        return None
    tokens = (_MARK.sub(_any, re2.escape(token)) for token in template.split(" "))
    try:
        return re2.compile(r"(?s)\s*" + r"\s+".join(tokens) + r"\s*")
    except re2.error:
        return None


def _any(mark: re.Match[str]) -> str:
    """Return what stands for `<*>`, which can be several tokens, or for a token of redaction such as `<email>`."""
    return ".*?" if mark[1] is None else f"<{mark[1]}[^>]*>"


def _bounded(context: Context) -> Context:
    while len(wire.encode(context)) > LIMIT and context.lines:
        context = msgspec.structs.replace(context, lines=context.lines[(len(context.lines) + 1) // 2 :])
    return context if len(wire.encode(context)) <= LIMIT else msgspec.structs.replace(context, past=())
