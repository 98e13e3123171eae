"""The last step of every family: what was found becomes an entry, or the reason why it cannot."""

import math
import re
from typing import Final

from deepsentry.events import Entry, Level, Rejected
from streams.shippers import levels, precedence, text, times
from streams.shippers.fields import MAX_NAME
from streams.shippers.record import Record, Rules, header

_NO_TEXT: Final = "".join(map(chr, range(33))) + "\x7f\x85\xa0"
_HOST: Final = re.compile(r"(?![0-9a-fA-F-]{16,}\Z)(?=.*[A-Za-z])[A-Za-z0-9][A-Za-z0-9._-]{0,252}\Z", re.ASCII)


def finish(
    record: Record,
    rules: Rules,
    *,
    shipper: str,
    message: str,
    time: tuple[float, str] | None = None,
    host: str = "",
    service: str = "",
    level: Level = "",
    trace: str = "",
    attributes: dict[str, str] | None = None,
    flags: tuple[str, ...] = (),
    index: int = 0,
) -> Entry | Rejected:
    """Return the entry of `message`; `time` is the event's (Unix seconds) and the field that gave it.

    Without one, the stamp at the head of the message counts, then the record's. An event that is more than a day later
    than its record has a wrong clock: it gets the record's time and the flag clock_skew. A message longer than
    `rules.max_line_bytes` is cut and flagged truncated.
    """
    message = message.rstrip("\r\n")
    if not message.strip(_NO_TEXT):
        return Rejected("binary" if message.strip() else "empty", "the message has no text", index)
    if "\0" in message:
        return Rejected("binary", "the message holds NUL bytes", index)
    if len(message) * 4 > rules.max_line_bytes:
        short = text.cut(message, rules.max_line_bytes)
        if len(short) != len(message):
            message, flags = short, (*flags, "truncated")
    if time is None:
        seconds = times.find_time(message, record.timestamp, rules.zone)
        time = (record_time(record), "kafka") if seconds is None else (seconds, "message")
    if 0 < record.timestamp < time[0] - times.MAX_SKEW:
        time, flags = (record.timestamp, "kafka"), (*flags, "clock_skew")
    if not trace and record.headers:
        trace = precedence.trace_in(header(record, "traceparent"))
    return Entry(
        message=message,
        timestamp=time[0],
        time_source=time[1],
        shipper=shipper,
        host=host or (host_of(record) if record.headers or record.key else ""),
        service=service or record.topic,
        level=level or levels.from_message(message),
        trace=trace,
        attributes=attributes or {},
        flags=flags,
    )


def stands(message: str, rules: Rules) -> bool:
    """Tell whether `finish` takes a message as it is; which digits it holds does not matter."""
    return (
        bool(message.strip(_NO_TEXT))
        and message[-1] not in "\r\n"
        and "\0" not in message
        and len(message) * 4 <= rules.max_line_bytes
    )


def record_time(record: Record) -> float:
    """Return the record's own time, 0 where it has none."""
    return record.timestamp if math.isfinite(record.timestamp) and record.timestamp > 0 else 0.0


def host_of(record: Record) -> str:
    """Return the host that the header `host` or else the key names, empty where neither does.

    A key counts where it looks like a host name: ids, dates and numbers are keys as well, and a host that changes with
    every record would tear its sequence apart.
    """
    named = header(record, "host")
    if named or not record.key:
        return text.cut(named, MAX_NAME)
    key = record.key.decode("utf-8", "replace")
    return key if _HOST.match(key) else ""
