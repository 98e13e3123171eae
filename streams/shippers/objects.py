"""One object of any shipper to one entry."""

from collections.abc import Mapping
from typing import Final

from deepsentry import wire
from deepsentry.events import Entry, Level, Rejected
from streams.shippers import beats, containers, fluent, gelf, logstash, plain, precedence, syslog, vector
from streams.shippers.entries import finish
from streams.shippers.family import MESSAGE, Family
from streams.shippers.fields import Fields, as_text, attributes, flatten
from streams.shippers.record import Record, Rules

FAMILIES: Final[tuple[Family, ...]] = (
    gelf.FAMILY,
    logstash.FAMILY,
    beats.LEGACY,
    beats.FAMILY,
    vector.FAMILY,
    syslog.FAMILY,
    containers.FAMILY,
    fluent.FAMILY,
)
"""In the order in which they are asked; what none of them knows is plain."""


def to_entry(
    value: Mapping[object, object], record: Record, rules: Rules, *, flags: tuple[str, ...] = (), index: int = 0
) -> Entry | Rejected:
    """Return the entry in the object `value`, which is the element `index` of its record."""
    fields = flatten(value)
    if fields is None:
        return Rejected("too_deep", "objects nest deeper than any envelope", index)
    return from_fields(fields, family_of(fields), record, rules, flags=flags, index=index)


def family_of(fields: Fields) -> Family:
    """Return the family that writes such fields."""
    for family in FAMILIES:
        if family.knows(fields):
            return family
    return plain.FAMILY


def from_fields(
    fields: Fields,
    family: Family,
    record: Record,
    rules: Rules,
    *,
    inner: Fields | None = None,
    flags: tuple[str, ...] = (),
    index: int = 0,
) -> Entry | Rejected:
    """Return the entry in `fields`, which it consumes; `inner` are those of the application's own object.

    The application knows its message, level and trace best, the envelope all else.
    """
    fields = family.reshape(fields)
    blank = not fields.keys().isdisjoint(family.message)
    name, message = _take_message(fields, family.message)
    if name == "log":
        log = containers.unwrap(message)
        message, inner, flags = log.message, log.fields, (*flags, *log.flags)
        if log.time:
            fields.setdefault("time", log.time)
    if inner is None:
        inner = {}
    else:
        message = _take_message(inner, MESSAGE)[1] or message
    if fields.pop("_p", "F") == "P":
        flags = (*flags, "unjoined")
    time = precedence.take_time(fields, record.timestamp, rules.zone)
    time = time or precedence.take_time(inner, record.timestamp, rules.zone)
    host = precedence.take_host(fields) or precedence.take_host(inner)
    service = precedence.take_service(fields) or precedence.take_service(inner)
    level: Level = precedence.take_level(inner, family) or precedence.take_level(fields, family)
    trace = precedence.take_trace(inner) or precedence.take_trace(fields)
    if fields.get("event.original") == message:
        del fields["event.original"]
    rest = family.told(inner | fields if inner else fields)
    kept, whole = attributes(rest)
    return finish(
        record,
        rules,
        shipper=family.name,
        message=message if message or blank else pairs(kept),
        time=time,
        host=host,
        service=service,
        level=level,
        trace=trace,
        attributes=kept,
        flags=flags if whole else (*flags, "truncated"),
        index=index,
    )


def _take_message(fields: Fields, names: tuple[str, ...]) -> tuple[str, str]:
    """Return the name and the text of the message; rsyslog's leading space is no part of it."""
    for name in names:
        value = fields.get(name)
        if value is None:
            continue
        found = as_text(value)
        if found.strip():
            del fields[name]
            return name, found[1:] if found[0] == " " and found[1] != " " else found
    return "", ""


def pairs(attributes: Mapping[str, str]) -> str:
    """Return `name=value` of all attributes: the line of an object without a message, such as an access log in JSON."""
    return " ".join(f"{name}={_quoted(value)}" for name, value in attributes.items())


def _quoted(value: str) -> str:
    return wire.encode(value).decode() if not value or " " in value or '"' in value else value
