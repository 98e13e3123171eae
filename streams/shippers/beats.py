"""Beats' kafka output (ECS JSON); a default Filebeat record is most of the traffic and has a typed path of its own."""

import functools
from datetime import tzinfo
from typing import Final

import msgspec

from deepsentry import wire
from deepsentry.errors import WireError
from deepsentry.events import Entry, Rejected
from streams.shippers import text, times
from streams.shippers.entries import finish
from streams.shippers.family import Family
from streams.shippers.fields import MAX_NAME, Fields
from streams.shippers.record import Record, Rules

_RENAMES: Final = {"source": "log.file.path", "offset": "log.offset"}


def _knows_ecs(fields: Fields) -> bool:
    return (
        "@metadata.beat" in fields
        or "agent.ephemeral_id" in fields
        or ("log.offset" in fields and "@timestamp" in fields)
    )


def _knows_legacy(fields: Fields) -> bool:
    return "beat.hostname" in fields or "beat.name" in fields


FAMILY: Final = Family(
    "beats",
    knows=_knows_ecs,
    # Said once for a host or an agent and then the same on every line (its system, its addresses, its release), or
    # about the file as an inode: neither tells one line from another. `log.offset` stays, it finds the line again.
    noise=frozenset({"log.file.device_id", "log.file.inode", "log.file.fingerprint", "input", "ecs", "agent"}),
    noise_under=("@metadata.", "agent.", "ecs.", "input.", "host."),
)
LEGACY: Final = Family(
    "beats",
    knows=_knows_legacy,
    noise=FAMILY.noise,
    noise_under=(*FAMILY.noise_under, "beat.", "prospector."),
    reshape=lambda fields: {_RENAMES.get(name, name): value for name, value in fields.items()},
)
"""Filebeat 6."""


HEAD: Final = b'{"@timestamp":"'
"""How a default record begins."""


class _Noise(msgspec.Struct, gc=False):
    """An object that is read over."""


class _Host(msgspec.Struct, gc=False):
    name: str


class _File(msgspec.Struct, gc=False):
    path: str


class _Log(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    file: _File
    offset: int | float | None = None


class Default(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """What Filebeat sends of a line that no processor touched; any other field asks for the general path."""

    message: str
    log: _Log
    host: _Host
    timestamp: str = msgspec.field(name="@timestamp")
    metadata: _Noise = msgspec.field(name="@metadata")
    agent: _Noise | None = None
    ecs: _Noise | None = None
    input: _Noise | None = None


_iso: Final = functools.lru_cache(maxsize=4096)(times.from_iso)


def seconds(stamp: str, zone: tzinfo) -> float | None:
    """Return the Unix seconds of the `@timestamp` of a default record; None where the general path must read it."""
    return _iso(stamp, zone) if stamp[10:11] == "T" else None


@functools.lru_cache(maxsize=4096)
def name(sent: str) -> str:
    """Return the name of a host or file as an entry has it."""
    return text.cut(sent.strip(), MAX_NAME)


def from_default(value: bytes, record: Record, rules: Rules) -> Entry | Rejected | None:
    """Return the entry of a default Filebeat record as the general path would, only sooner; None for any other."""
    if not value.startswith(HEAD):
        return None
    try:
        event = wire.decode(Default, value)
    except (WireError, UnicodeDecodeError):
        return None
    host, path, offset = name(event.host.name), name(event.log.file.path), event.log.offset
    time = seconds(event.timestamp, rules.zone)
    # The general path has more to say where one of these is missing.
    if time is None or not host or not path:
        return None
    message = event.message
    if message[:1] == " " and message[1:2] != " ":
        message = message[1:]
    return finish(
        record,
        rules,
        shipper="beats",
        message=message,
        time=(time, "@timestamp"),
        host=host,
        service=path,
        attributes=None if offset is None else {"log.offset": str(offset)},
    )
