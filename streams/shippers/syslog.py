"""Syslog on Kafka: RFC 5424 and 3164 lines, rsyslog's and syslog-ng's text and JSON, journald's JSON."""

import re
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from deepsentry.events import Entry, Rejected
from streams.shippers import containers, fluent, levels, times
from streams.shippers.entries import finish
from streams.shippers.family import Family
from streams.shippers.fields import MAX_ATTRIBUTES, Fields, attributes
from streams.shippers.record import Record, Rules
from streams.shippers.text import read

_FACILITIES: Final = (
    *("kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp"),
    *("ntp", "security", "console", "solaris-cron", *(f"local{number}" for number in range(8))),
)
_NIL: Final = "-"
_PRI: Final = re.compile(r"<(\d{1,3})>(1 )?", re.ASCII)
_RFC5424: Final = re.compile(
    r"(\S{1,64}) (\S{1,255}) (\S{1,48}) (\S{1,128}) (\S{1,32}) "
    r'(-|(?:\[(?:[^\]\\"]|\\.|"(?:[^"\\]|\\.)*+")++\])++)(?: |\Z)',
    re.ASCII | re.DOTALL,
)
_ELEMENT: Final = re.compile(r'\[([^\s\]="]{1,64})((?: [^\s\]="]{1,64}="(?:[^"\\]|\\.)*+")*+)\]', re.DOTALL)
_PARAMETER: Final = re.compile(r' ([^\s\]="]{1,64})="((?:[^"\\]|\\.)*+)"', re.DOTALL)
_ESCAPED: Final = re.compile(r'\\(["\\\]])')
_RFC3339: Final = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)"
_RFC3164: Final = re.compile(
    rf"({_RFC3339}|[A-Z][a-z]{{2}} [ \d]?\d \d\d:\d\d:\d\d(?:\.\d{{1,9}})?) (?:(\S{{0,254}}[^\s:\]]) )?", re.ASCII
)
_TAG: Final = re.compile(r"([^\s\[\]:]{1,64})(?:\[([^\s\[\]]{1,32})\])?: ?", re.ASCII)
_HOST: Final = re.compile(rf"({_RFC3339}) ([A-Za-z0-9][A-Za-z0-9.:_-]{{0,252}}) ", re.ASCII)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a line says beside its priority."""

    text: str
    time: str = ""
    host: str = ""
    program: str = ""
    attributes: Fields = field(default_factory=dict)


def from_priority(line: str, record: Record, rules: Rules, flags: tuple[str, ...]) -> Entry | Rejected | None:
    """Return the entry of a line that begins with `<PRI>` (RFC 5424, RFC 3164), None where no valid one is there."""
    pri = _PRI.match(line)
    if pri is None or int(pri[1]) >= len(_FACILITIES) * 8:
        return None
    number = int(pri[1])
    parts = _rfc5424(line[pri.end() :]) if pri[2] is not None else None
    if parts is None:
        parts = _rfc3164(line[pri.end(1) + 1 :])
    kept, whole = attributes({"facility": _FACILITIES[number // 8], **parts.attributes})
    return finish(
        record,
        rules,
        shipper="syslog",
        message=parts.text,
        time=_time(parts.time, record, rules),
        host=parts.host,
        service=parts.program,
        level=levels.from_syslog(number % 8),
        attributes=kept,
        flags=flags if whole else (*flags, "truncated"),
    )


def from_text(line: str, record: Record, rules: Rules, flags: tuple[str, ...]) -> Entry | Rejected | None:
    """Return the entry of `RFC 3339 time, host, tag[pid]: text`, which rsyslog and syslog-ng write by default.

    None for any other line. Without a pid the tag may be a word of an application's line, so it counts only behind a
    numeric offset, which applications write seldom, and where it is no level.
    """
    head = _HOST.match(line)
    tag = _TAG.match(line, head.end()) if head is not None else None
    if head is None or tag is None:
        return None
    if tag[2] is None and (head[1].endswith("Z") or levels.from_word(tag[1])):
        return None
    return finish(
        record,
        rules,
        shipper="syslog",
        message=line[tag.end() :],
        time=_time(head[1], record, rules),
        host=head[2],
        service=tag[1],
        attributes={"procid": tag[2]} if tag[2] is not None else {},
        flags=flags,
    )


def _time(written: str, record: Record, rules: Rules) -> tuple[float, str] | None:
    seconds = times.from_value(written, record.timestamp, rules.zone)
    return (seconds, "header") if seconds is not None else None


def _rfc5424(body: str) -> Parts | None:
    found = _RFC5424.match(body)
    if found is None:
        return None
    time, host, program, procid, msgid = (found[n] if found[n] != _NIL else "" for n in range(1, 6))
    said: Fields = {name: value for name, value in (("procid", procid), ("msgid", msgid)) if value}
    for element in islice(_ELEMENT.finditer(found[6]), MAX_ATTRIBUTES + 1):
        said |= {
            f"{element[1]}.{parameter[1]}": _ESCAPED.sub(r"\1", parameter[2])
            for parameter in islice(_PARAMETER.finditer(element[2]), MAX_ATTRIBUTES + 1)
        }
    return Parts(body[found.end() :].removeprefix("\ufeff"), time, host, program, said)


def _rfc3164(body: str) -> Parts:
    head = _RFC3164.match(body)
    start = head.end() if head is not None else 0
    tag = _TAG.match(body, start)
    return Parts(
        body[tag.end() if tag is not None else start :],
        head[1] if head is not None else "",
        (head[2] or "") if head is not None else "",
        tag[1] if tag is not None else "",
        {"procid": tag[2]} if tag is not None and tag[2] is not None else {},
    )


def _knows(fields: Fields) -> bool:
    return (
        "timereported" in fields
        or "fromhost" in fields
        or "LEGACY_MSGHDR" in fields
        or ("PROGRAM" in fields and "MESSAGE" in fields)
        or ("facility" in fields and "severity" in fields)
        or "__REALTIME_TIMESTAMP" in fields
    )


def _reshape(fields: Fields) -> Fields:
    """Leave out what RFC 5424 calls nil; journald's JSON writes text that is not UTF-8 as a list of bytes."""
    said = {name: _written(value) for name, value in fields.items() if value != _NIL}
    return containers.mark(said)


def _written(value: object) -> object:
    if not isinstance(value, list):
        return value
    try:
        return read(bytes(value))[0]
    except (TypeError, ValueError):
        return value


FAMILY: Final = Family(
    "syslog",
    knows=_knows,
    # The collector's own clock repeats the record's, and the old header is in the fields it was parsed into.
    noise=fluent.FAMILY.noise | {"timegenerated", "LEGACY_MSGHDR"},
    numeric_level=levels.from_syslog,
    reshape=_reshape,
)
