"""The decoder: from a record's format to the family that reads it, with every limit on what a stranger sends."""

import re
import zoneinfo
from datetime import UTC, tzinfo
from itertools import islice
from typing import Final

from deepsentry import wire
from deepsentry.errors import SettingsError, WireError
from deepsentry.events import Entry, Rejected
from deepsentry.sections import Ingest
from streams.shippers import (
    batches,
    beats,
    cloudwatch,
    lines,
    msgpack,
    objects,
    otlp,
    otlp_proto,
    packed,
    plain,
    sniff,
    text,
)
from streams.shippers.record import MAX_DEPTH, MAX_RECORD_FACTOR, Decode, Record, Rules

_STRINGS: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
"""The last one may have no end, and is read once all the same."""
_BRACKETS: Final = re.compile(rb"[\[{]|[\]}]")
_BRACKETS_READ: Final = 4096
"""A bomb that starts later than this is called malformed."""

Outcome = Entry | Rejected


def create_decoder(ingest: Ingest) -> Decode:
    """Return the function that decodes records as `ingest` says; it never raises. Raises SettingsError for the zone.

    A tombstone gives nothing. A record over 8 times `max_line_bytes` is rejected unread; a message over it is cut.
    The place in the list is an entry's index in its record.
    """
    rules = rules_of(ingest)
    longest = ingest.max_line_bytes * MAX_RECORD_FACTOR
    formats = dict(ingest.formats)

    def decode(record: Record) -> list[Outcome]:
        if record.value is None:
            return []
        if len(record.value) > longest:
            return [Rejected("too_large", f"{len(record.value)} bytes; ingest.max_line_bytes allows {longest}")]
        try:
            declared = sniff.declared(record, formats) if formats or record.headers else ""
            return _decode(record.value, record, rules, declared)
        except Exception as error:  # noqa: BLE001 - one record must not stop a partition; it is kept for a replay
            return [Rejected("internal", type(error).__name__)]

    return decode


def rules_of(ingest: Ingest) -> Rules:
    """Return how a decoder reads. Raises SettingsError for the zone."""
    return Rules(_zone(ingest.default_timezone), ingest.max_line_bytes)


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC  # faster than ZoneInfo, and there without a time zone database
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        message = "ingest.default_timezone is no known IANA zone; use a name such as UTC or Europe/Berlin"
        raise SettingsError(message) from None


def _decode(value: bytes, record: Record, rules: Rules, declared: str) -> list[Outcome]:
    if not declared:
        default = beats.from_default(value, record, rules)
        if default is not None:
            return [default]
    if not value or value.isspace():
        return [Rejected("empty", "the record has no text")]
    if value[0] in packed.FIRST or record.headers:
        unpacked = packed.unpack(value, record, rules.max_line_bytes * MAX_RECORD_FACTOR)
        if isinstance(unpacked, Rejected):
            return [unpacked]
        value = unpacked
    return _read(value, record, rules, declared) if value else [Rejected("empty", "unpacks to nothing")]


def _read(value: bytes, record: Record, rules: Rules, declared: str) -> list[Outcome]:  # noqa: PLR0911 - one row a format
    match declared or sniff.shape(value):
        case "line":
            return [lines.from_bytes(value, record, rules)]
        case "msgpack":
            return _from_msgpack(value, record, rules, declared)
        case "otlp_proto":
            return _from_protobuf(value, record, rules)
        case "confluent":
            return _from_confluent(value, record, rules)
        case "gelf_chunk" | "gelf" if value.startswith(sniff.GELF_CHUNK):
            return [Rejected("incomplete", "a GELF chunk; the others of its message did not come in time")]
        case "avro":
            return [_avro()]
        case _:
            return _from_json(value, record, rules, declared)


def _from_json(value: bytes, record: Record, rules: Rules, declared: str) -> list[Outcome]:  # noqa: PLR0911
    value = value.removeprefix(text.BOM)
    read = _read_json(value)
    if read is None:
        if declared or value.lstrip()[:1] == b"{":
            return batches.from_lines(value, record, rules) if _is_lines(value) else [_unreadable(value)]
        return [lines.from_bytes(value, record, rules)]
    parsed, flags = read
    match parsed:
        case dict() if "resourceLogs" in parsed and declared != "gelf":
            return batches.from_otlp(otlp.records(parsed), record, rules, flags)
        case dict() if cloudwatch.knows(parsed) and declared != "gelf":
            return batches.from_cloudwatch(parsed, record, rules, flags)
        case dict() if declared == "otlp_json" or (declared == "gelf" and "short_message" not in parsed):
            return [Rejected("malformed", f"JSON, but not {declared}")]
        case dict():
            return [objects.to_entry(parsed, record, rules, flags=flags)]
        case list() if declared in {"json", "gelf"} or any(isinstance(item, dict) for item in parsed):
            return batches.from_items(parsed, record, rules, flags)
        case str():
            return [plain.to_entry(parsed, record, rules, shipper="otlp", flags=flags)]
        case _ if declared:
            return [Rejected("unsupported_type", "a JSON value that is no object")]
        case _:
            return [lines.from_bytes(value, record, rules)]


def _read_json(value: bytes) -> tuple[object, tuple[str, ...]] | None:
    """Return the JSON value and its flags, None where `value` is no JSON even with its text mended."""
    try:
        return wire.from_json(value), ()
    except WireError:
        mended = text.mend_json(value)
    try:
        return None if mended is None else (wire.from_json(mended), ("not_utf8",))
    except WireError:
        return None


def _from_msgpack(value: bytes, record: Record, rules: Rules, declared: str) -> list[Outcome]:
    read = _read_msgpack(value)
    if read is None:
        return [Rejected("malformed", "not msgpack")] if declared else [lines.from_bytes(value, record, rules)]
    parsed, flags = read
    if isinstance(parsed, dict):
        return [objects.to_entry(parsed, record, rules, flags=flags)]
    return [Rejected("unsupported_type", "a msgpack value that is no map")]


def _read_msgpack(value: bytes) -> tuple[object, tuple[str, ...]] | None:
    try:
        return wire.from_msgpack(value), ()
    except WireError:
        mended = msgpack.binary_strings(value)
    try:
        return wire.from_msgpack(mended), ("not_utf8",)
    except WireError:
        return None


def _from_protobuf(value: bytes, record: Record, rules: Rules) -> list[Outcome]:
    try:
        return batches.from_otlp(otlp_proto.records(value), record, rules, ())
    except WireError:
        return [Rejected("malformed", "no OTLP export request in protobuf")]


def _from_confluent(value: bytes, record: Record, rules: Rules) -> list[Outcome]:
    """Read JSON behind the five bytes that name its schema; Avro means nothing without its own."""
    body = value[sniff.CONFLUENT :]
    return _from_json(body, record, rules, "json") if body.lstrip()[:1] == b"{" else [_avro()]


def _avro() -> Rejected:
    return Rejected("unsupported_type", "Avro is not read, for its schema is elsewhere; let the shipper send JSON")


def _is_lines(value: bytes) -> bool:
    """Tell whether `value` is objects that stand one in a line, by its first line."""
    first, end, rest = value.partition(b"\n")
    return bool(end) and not rest.isspace() and rest != b"" and _read_json(first) is not None


def _unreadable(value: bytes) -> Rejected:
    """Say why JSON could not be read; strings may hold any brackets, so they are taken out before counting."""
    if b"\0" in value:
        return Rejected("binary", "NUL bytes in JSON")
    depth = 0
    for bracket in islice(_BRACKETS.finditer(_STRINGS.sub(b"", value)), _BRACKETS_READ):
        depth += 1 if bracket[0] in b"[{" else -1
        if depth > MAX_DEPTH:
            return Rejected("too_deep", "JSON nests deeper than any envelope")
    return Rejected("malformed", "not JSON, though it begins as JSON or is declared so")
