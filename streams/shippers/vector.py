"""Vector's kafka sink with the json codec."""

from typing import Final

from streams.shippers import containers
from streams.shippers.family import Family

FAMILY: Final = Family(
    "vector",
    knows=lambda fields: "source_type" in fields,
    # How Vector read the line; `hostname` repeats `host` where its syslog source parsed one.
    noise=frozenset({"source_type", "hostname"}),
    reshape=containers.mark,
)
