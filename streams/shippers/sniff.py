"""The format of a record: what the operator or a header says, else what its first bytes show."""

from collections.abc import Mapping
from typing import Final, Literal

from streams.shippers.record import Record, header

Format = Literal["json", "msgpack", "otlp_proto", "otlp_json", "gelf", "line", "unsupported"]

_CONTENT_TYPES: Final[Mapping[str, Format]] = {
    "application/json": "json",
    "application/x-ndjson": "json",
    "application/msgpack": "msgpack",
    "application/x-msgpack": "msgpack",
    "application/vnd.msgpack": "msgpack",
    "application/protobuf": "otlp_proto",
    "application/x-protobuf": "otlp_proto",
    "application/vnd.google.protobuf": "otlp_proto",
    "application/avro": "unsupported",
    "application/vnd.apache.avro": "unsupported",
    "avro/binary": "unsupported",
    "text/plain": "line",
}
_MSGPACK_MAP: Final = frozenset((*range(0x80, 0x90), 0xDE, 0xDF))
_GELF_CHUNK: Final = b"\x1e\x0f"
_GZIP: Final = b"\x1f\x8b"


def declared(record: Record, formats: Mapping[str, str]) -> str:
    """Return the format fixed for the record's topic, or else by its content-type, empty where neither says."""
    fixed = formats.get(record.topic, "auto")
    if fixed != "auto":
        return fixed
    if not record.headers:
        return ""
    return _CONTENT_TYPES.get(header(record, "content-type").partition(";")[0].strip().lower(), "")


def shape(value: bytes) -> Format:
    """Return the format that the first bytes of `value` (not empty) show; it may still turn out to be a line.

    OTLP protobuf is never guessed: its first byte is a newline as well.
    """
    if value[0] in _MSGPACK_MAP:
        return "msgpack"
    if value.startswith((_GELF_CHUNK, _GZIP)):
        return "unsupported"
    return "json" if value.lstrip()[:1] in {b"{", b"[", b'"'} else "line"
