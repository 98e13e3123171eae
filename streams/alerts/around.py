"""What stood around an alert, in plain words, the same wherever it is shown. Pure; harmless as `wording`."""

from collections.abc import Iterator
from typing import Final

from deepsentry.events import Context, Past, Surrounding
from streams.alerts.visible import visible
from streams.alerts.wording import NAME, TITLE, clock, time

SHOWN: Final = 200
"""Characters of a line."""
NOTE: Final = 120
BARS: Final = "▁▂▃▄▅▆▇█"


def facts(context: Context) -> Iterator[tuple[str, str]]:
    """Yield label and value, which may have several lines."""
    times = "once" if context.alerts == 1 else f"{context.alerts:,} times"
    yield "known", f"alerted {times}, first {time(context.first_seen)}, last {time(context.last_seen)}"
    if context.histogram:
        yield "how often", rate(context)
    if context.past:
        yield "earlier", "\n".join(map(_earlier, context.past))


def rate(context: Context) -> str:
    """Return how often lines with the template of the deviating one came, as bars from left to right."""
    most = max(context.histogram)
    top = len(BARS) - 1
    bars = "".join(" " if not count else BARS[-(-count * top // most)] for count in context.histogram)
    seconds = (context.until - context.since).total_seconds()
    least, part = "" if context.whole else "at least ", seconds / len(context.histogram)
    return f"|{bars}| {least}{sum(context.histogram):,} in {seconds / 60:.0f} minutes, at most {most:,} in {part:.0f} s"


def before(context: Context, most: int) -> Iterator[str]:
    """Yield a heading, and the newest `most` lines, oldest first."""
    minutes = (context.until - context.since).total_seconds() / 60
    shown = context.lines[-most:]
    if shown:
        found = f"{len(shown):,} of {'' if context.whole else 'at least '}{context.found:,} lines"
        yield f"the {minutes:.0f} minutes before, {found} of this service or host:"
        yield from map(_line, shown)
    else:
        yield f"no other lines of this service or host in the {minutes:.0f} minutes before"


def _line(line: Surrounding) -> str:
    where = visible(line.host or line.service, NAME)
    return f"  {clock(line.timestamp)} {where} {visible(line.message, SHOWN)}"


def _earlier(past: Past) -> str:
    said = {"true": "right", "false_alarm": "a false alarm", None: "not judged"}[past.judgement]
    by = f" by {visible(past.by, NOTE)}" if past.by else ""
    note = f": {visible(past.note, NOTE)}" if past.note else ""
    what = "the same" if past.same else visible(past.title, TITLE)
    return f"{time(past.first_seen)}  {past.alert}  {past.severity}, {past.count:,} x, {what}; {said}{by}{note}"
