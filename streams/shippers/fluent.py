"""Fluentd and Fluent Bit: records as they are, with `@timestamp`, a tag or Kubernetes' names injected."""

from typing import Final

from streams.shippers import containers, levels
from streams.shippers.family import Family
from streams.shippers.fields import Fields


def _knows(fields: Fields) -> bool:
    return (
        "log" in fields
        or "kubernetes.pod_name" in fields
        or "_HOSTNAME" in fields
        or ("tag" in fields and "time" in fields)
        or isinstance(fields.get("@timestamp"), int | float)
        or isinstance(fields.get("date"), int | float)
    )


FAMILY: Final = Family(
    "fluent",
    knows=_knows,
    # journald's own bookkeeping: of the boot, the machine and the journal's file, never of the event.
    noise=frozenset(
        {
            "_BOOT_ID",
            "_MACHINE_ID",
            "_CAP_EFFECTIVE",
            "_STREAM_ID",
            "_SYSTEMD_INVOCATION_ID",
            "_SOURCE_MONOTONIC_TIMESTAMP",
            "_SOURCE_REALTIME_TIMESTAMP",
            "__MONOTONIC_TIMESTAMP",
            "__REALTIME_TIMESTAMP",
            "__CURSOR",
            "__SEQNUM",
            "__SEQNUM_ID",
        }
    ),
    numeric_level=levels.from_application,
    reshape=containers.mark,
)
