"""Logstash's kafka output: JSON events, and the plain codec's `time host message`."""

import re
from dataclasses import dataclass
from typing import Final

from streams.shippers import beats, levels
from streams.shippers.family import Family

FAMILY: Final = Family(
    "logstash",
    knows=lambda fields: "@version" in fields,
    noise=beats.FAMILY.noise | {"@version"},
    noise_under=beats.FAMILY.noise_under,
)

_PLAIN: Final = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3,9}Z) "
    r"(?:\{name=([^{}\s]{1,253})\}|([A-Za-z0-9][A-Za-z0-9._-]{0,252})) (?! )",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Plain:
    """A line of the plain codec."""

    time: str
    host: str
    text: str


def split(line: str) -> Plain | None:
    """Return the parts of a line of the plain codec, None where `line` is none.

    Applications begin their lines with the same time, so a bare second word counts as a host only where it looks
    like one: with a digit, a dot or a hyphen in it, and not a number or a level.
    """
    found = _PLAIN.match(line)
    if found is None:
        return None
    host = found[2] or found[3]
    if found[2] is None and (host.isalpha() or host.isdigit() or levels.from_word(host)) and host != "localhost":
        return None
    return Plain(found[1], host, line[found.end() :])
