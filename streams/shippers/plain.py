"""Bare lines, and objects of no shipper that is known."""

import re
from typing import Final

from deepsentry.events import Entry, Rejected
from streams.shippers.entries import finish
from streams.shippers.family import Family
from streams.shippers.record import Record, Rules

FAMILY: Final = Family("plain", knows=lambda _: True)

_BSD: Final = re.compile(
    r"[A-Z][a-z]{2} [ \d]?\d \d\d:\d\d:\d\d ([A-Za-z0-9][A-Za-z0-9._-]{0,252}) ([^\s\[\]:]{1,64})(?:\[\d{1,10}\])?:",
    re.ASCII,
)
"""A line of a syslog file: host and program stand behind the time."""


def to_entry(
    message: str, record: Record, rules: Rules, *, shipper: str = "plain", flags: tuple[str, ...] = (), index: int = 0
) -> Entry | Rejected:
    """Return the entry of a bare line, whole: its head is read for time, host and program and stays where it is."""
    head = _BSD.match(message)
    return finish(
        record,
        rules,
        shipper=shipper,
        message=message,
        host=head[1] if head is not None else "",
        service=head[2] if head is not None else "",
        flags=flags,
        index=index,
    )
