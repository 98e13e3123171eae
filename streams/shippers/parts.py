"""Messages that come in several records: the parts of a container's long line, and the chunks of GELF.

Sources: the CRI logging format (`P` and `F`), docker's json-file, journald and fluentd drivers, GELF 1.1.
"""

from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from deepsentry import wire
from deepsentry.errors import WireError
from streams.shippers import containers, objects, sniff, text
from streams.shippers.fields import Fields, as_text, flatten
from streams.shippers.record import Record, header

MAX_CHUNKS: Final = 128
"""Chunks of one GELF message, by its specification."""
_CHUNK_HEAD: Final = 12
"""Bytes before a chunk's data: 2 of magic, 8 of the message's id, its place, and how many there are."""
_STREAM: Final = "stream"
_NAMED: Final = (
    *("kubernetes.namespace_name", "kubernetes.pod_name", "kubernetes.container_name", "kubernetes.pod.name"),
    *("kubernetes.container.name", "kubernetes.pod_namespace", "container_id", "docker.container_id", "container.id"),
    *("container_name", "CONTAINER_ID_FULL", "log.file.path", "file", "path", "filename", "tag"),
    *("host", "host.name", "hostname", "kubernetes.host", "_HOSTNAME"),
)
"""Fields that tell one writer of lines from another."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a message, or a whole line of a source that also sends parts.

    `fields` are those of an object without its text, which stands in `name`; None where the record was a line.
    """

    source: tuple[str, ...]
    text: bytes
    last: bool
    place: int = 0
    of: int = 0
    """How many chunks a GELF message has; 0 for lines, whose parts come in order."""
    head: str = ""
    name: str = ""
    fields: Fields | None = None
    packed: bool = False


def read(record: Record, declared: str) -> Part | None:
    """Return what `record`, of the format `declared` or what its bytes show, is a part of; None where of nothing.

    A bare line is a whole one of its sender.
    """
    value = record.value
    if not value:
        return None
    if value.startswith(sniff.GELF_CHUNK):
        return _chunk(value, record)
    match declared or sniff.shape(value):
        case "line":
            return _line(value, record)
        case "json":
            return _object(value, record, packed=False)
        case "msgpack":
            return _object(value, record, packed=True)
        case _:
            return None


def whole(first: Part, record: Record, said: bytes, *, complete: bool) -> Record:
    """Return `record`, which carried the part `first`, with the text `said` of all parts."""
    if first.of:
        return replace(record, value=said)
    if first.fields is None:
        if not first.head:
            return replace(record, value=said)
        return replace(record, value=f"{first.head} {'F' if complete else 'P'} ".encode() + said)
    message = text.read(said)[0] + ("\n" if complete else "")
    fields = {**first.fields, first.name: message} | ({} if complete else {"_p": "P"})
    return replace(record, value=wire.to_msgpack(fields) if first.packed else wire.encode(fields))


def chunk_text(value: bytes) -> bytes:
    """Return the data of the GELF chunk `value`."""
    return value[_CHUNK_HEAD:]


def _chunk(value: bytes, record: Record) -> Part | None:
    if len(value) <= _CHUNK_HEAD or not value[10] < value[11] <= MAX_CHUNKS:
        return None
    source = ("gelf", value[2:10].hex(), *_sender(record))
    return Part(source, chunk_text(value), last=value[11] == 1, place=value[10], of=value[11])


def _line(value: bytes, record: Record) -> Part | None:
    # a part may end within a character, so bytes are joined and Latin-1 stands in for them
    line = value.decode("latin-1").rstrip("\r\n")
    cri = containers.split(line)
    if cri is None:
        return Part(("line", *_sender(record)), line.encode("latin-1"), last=True)
    source = ("cri", cri.stream, *_sender(record))
    return Part(source, cri.text.encode("latin-1"), last=cri.part == "F", head=f"{cri.time} {cri.stream}")


def _object(value: bytes, record: Record, *, packed: bool) -> Part | None:
    try:
        parsed = wire.from_msgpack(value) if packed else wire.from_json(value.removeprefix(text.BOM))
    except WireError:
        return None
    fields = flatten(parsed) if isinstance(parsed, dict) else None
    if fields is None:
        return None
    family = objects.family_of(fields)
    fields = family.reshape(fields)
    name = next((name for name in family.message if isinstance(fields.get(name), str)), "")
    if not name:
        return None
    said = as_text(fields[name])
    cri = containers.split(said)
    part = cri.part if cri is not None else fields.get("_p", "F")
    if cri is not None:
        said = cri.text
        fields.setdefault("time", cri.time)
        fields.setdefault(_STREAM, cri.stream)
    named = tuple(as_text(fields[each]) if each in fields else "" for each in _NAMED)
    source = ("object", as_text(fields.get(_STREAM, "")), *(named if any(named) else _sender(record)))
    kept = {each: value for each, value in fields.items() if each not in {"_p", name}}
    encoded = said.removesuffix("\n").encode("utf-8", "surrogatepass")
    return Part(source, encoded, last=part != "P", name=name, fields=kept, packed=packed)


def _sender(record: Record) -> tuple[str, ...]:
    return (header(record, "host"), record.key.hex() if record.key else "")
