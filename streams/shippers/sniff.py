"""The format of a record: what the operator or a header says, else what its first bytes show."""

from collections.abc import Mapping
from typing import Final, Literal

from streams.shippers.record import Record, header

Format = Literal["json", "msgpack", "otlp_proto", "otlp_json", "gelf", "line", "confluent", "avro", "gelf_chunk"]

_CONTENT_TYPES: Final[Mapping[str, Format]] = {
    "application/json": "json",
    "application/x-ndjson": "json",
    "application/msgpack": "msgpack",
    "application/x-msgpack": "msgpack",
    "application/vnd.msgpack": "msgpack",
    "application/protobuf": "otlp_proto",
    "application/x-protobuf": "otlp_proto",
    "application/vnd.google.protobuf": "otlp_proto",
    "application/avro": "avro",
    "application/vnd.apache.avro": "avro",
    "avro/binary": "avro",
    "text/plain": "line",
}
_MSGPACK_MAP: Final = frozenset((*range(0x80, 0x90), 0xDE, 0xDF))
GELF_CHUNK: Final = b"\x1e\x0f"
CONFLUENT: Final = 5
"""Bytes before a value of a schema registry's client: 0, and the number of the schema, 32 bits."""


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
    if value.startswith(GELF_CHUNK):
        return "gelf_chunk"
    if value[0] == 0 and any(value[1:CONFLUENT]) and len(value) > CONFLUENT:
        return "confluent"
    return "json" if value.lstrip()[:1] in {b"{", b"[", b'"'} else "line"
