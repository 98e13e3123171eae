"""What container runtimes put around a line: the CRI prefix and docker's json-file."""

import re
from dataclasses import dataclass
from typing import Final

from deepsentry import wire
from deepsentry.errors import WireError
from streams.shippers.family import Family
from streams.shippers.fields import Fields, as_text, flatten

_CRI: Final = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)) (stdout|stderr) ([PF])(?:\Z| )", re.ASCII
)
_SPLIT: Final = ("partial_message", "CONTAINER_PARTIAL_MESSAGE", "_partial")
_LAST: Final = ("partial_last", "CONTAINER_PARTIAL_LAST")
_MARKS: Final = frozenset(
    (*_SPLIT, *_LAST, "partial_id", "partial_ordinal", "CONTAINER_PARTIAL_ID", "CONTAINER_PARTIAL_ORDINAL")
)
_JSON_FILE: Final = frozenset({"log", "stream", "time", "attrs.tag"})


@dataclass(frozen=True, slots=True)
class Cri:
    """A line as containerd and CRI-O write it; `part` is P where the line goes on in the next one, else F."""

    time: str
    stream: str
    part: str
    text: str


@dataclass(frozen=True, slots=True)
class Log:
    """The content of a `log` field; `fields` are those of an application that writes JSON."""

    message: str
    fields: Fields | None
    time: str
    flags: tuple[str, ...]


def split(line: str) -> Cri | None:
    """Return the parts of a CRI line, None where `line` is none."""
    found = _CRI.match(line)
    return Cri(found[1], found[2], found[3], line[found.end() :]) if found is not None else None


def unwrap(log: str) -> Log:
    """Return what `log` holds: a CRI prefix is taken off once, then an object is read once."""
    cri = split(log)
    flags: tuple[str, ...] = ()
    if cri is not None:
        log = cri.text
        flags = ("unjoined",) if cri.part == "P" else ()
    return Log(log, _object(log), cri.time if cri is not None else "", flags)


def mark(fields: Fields) -> Fields:
    """Say of `fields`, as Fluent Bit does in `_p`, what docker's drivers and Vector say of a line that was split."""
    if _MARKS.isdisjoint(fields):
        return fields
    said = {name: as_text(fields.pop(name)) for name in _MARKS if name in fields}
    split = any(said.get(name) == "true" for name in _SPLIT)
    fields["_p"] = "P" if split and not any(said.get(name) == "true" for name in _LAST) else "F"
    return fields


def _object(text: str) -> Fields | None:
    if not text.startswith("{"):
        return None
    try:
        value = wire.from_json(text)
    except WireError:
        return None
    return flatten(value) if isinstance(value, dict) else None


def _knows(fields: Fields) -> bool:
    return fields.keys() <= _JSON_FILE and {"log", "stream"} <= fields.keys()


def _reshape(fields: Fields) -> Fields:
    """Mark a line that docker cut: json-file ends whole lines with a newline, and splits them at 16 KiB."""
    log = fields["log"]
    if isinstance(log, str) and not log.endswith("\n"):
        fields["_p"] = "P"
    return fields


FAMILY: Final = Family("containers", knows=_knows, reshape=_reshape)
"""docker's json-file, as a shipper sends it that reads the file line by line."""

CRI: Final = Family("containers", knows=lambda _: False)
"""Lines with a CRI prefix; their shape is a line's, so no object is ever one."""
