"""One line of text to one entry, by the shape of its head."""

from deepsentry.events import Entry, Rejected
from streams.shippers import containers, logstash, objects, plain, syslog, text, times
from streams.shippers.entries import finish
from streams.shippers.record import Record, Rules


def from_bytes(value: bytes, record: Record, rules: Rules) -> Entry | Rejected:
    """Return the entry of the line `value`."""
    line, flags = text.read(value)
    return from_text(line.rstrip("\r\n"), record, rules, flags)


def from_text(line: str, record: Record, rules: Rules, flags: tuple[str, ...] = ()) -> Entry | Rejected:
    """Return the entry of `line`: syslog, CRI, Logstash's plain codec, or a bare line."""
    entry: Entry | Rejected | None = None
    if line[:1] == "<":
        entry = syslog.from_priority(line, record, rules, flags)
    elif line[10:11] == "T" and line[:4].isdigit():
        entry = (
            _from_cri(line, record, rules, flags)
            or syslog.from_text(line, record, rules, flags)
            or _from_logstash(line, record, rules, flags)
        )
    return entry if entry is not None else plain.to_entry(line, record, rules, flags=flags)


def _from_cri(line: str, record: Record, rules: Rules, flags: tuple[str, ...]) -> Entry | Rejected | None:
    cri = containers.split(line)
    if cri is None:
        return None
    fields: dict[str, object] = {"log": cri.text, "stream": cri.stream, "time": cri.time, "_p": cri.part}
    return objects.from_fields(fields, containers.CRI, record, rules, flags=flags)


def _from_logstash(line: str, record: Record, rules: Rules, flags: tuple[str, ...]) -> Entry | Rejected | None:
    parts = logstash.split(line)
    if parts is None:
        return None
    seconds = times.from_iso(parts.time, rules.zone)
    return finish(
        record,
        rules,
        shipper="logstash",
        message=parts.text,
        time=(seconds, "header") if seconds is not None else None,
        host=parts.host,
        flags=flags,
    )
