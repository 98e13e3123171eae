"""The decoder: from a record's format to the family that reads it, with every limit on what a stranger sends."""

import re
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, tzinfo
from itertools import islice
from typing import Final

from deepsentry import wire
from deepsentry.errors import SettingsError, WireError
from deepsentry.events import Entry, Rejected
from deepsentry.settings import Ingest
from streams.shippers import beats, lines, msgpack, objects, otlp, plain, sniff, text
from streams.shippers.record import MAX_BATCH, MAX_DEPTH, MAX_RECORD_FACTOR, Decode, Record, Rules

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
    rules = Rules(_zone(ingest.default_timezone), ingest.max_line_bytes)
    longest = ingest.max_line_bytes * MAX_RECORD_FACTOR
    formats = dict(ingest.formats)

    def decode(record: Record) -> list[Outcome]:
        if record.value is None:
            return []
        if len(record.value) > longest:
            return [Rejected("too_large", f"{len(record.value)} bytes; ingest.max_line_bytes allows {longest}")]
        try:
            return _decode(record.value, record, rules, sniff.declared(record, formats))
        except Exception as error:  # noqa: BLE001 - one record must not stop a partition; it is kept for a replay
            return [Rejected("internal", type(error).__name__)]

    return decode


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC  # faster than ZoneInfo, and there without a time zone database
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        message = "ingest.default_timezone is no known IANA zone; use a name such as UTC or Europe/Berlin"
        raise SettingsError(message) from None


def _decode(value: bytes, record: Record, rules: Rules, declared: str) -> list[Outcome]:  # noqa: PLR0911 - one row a format
    if not declared:
        default = beats.from_default(value, record, rules)
        if default is not None:
            return [default]
    if not value or value.isspace():
        return [Rejected("empty", "the record has no text")]
    match declared or sniff.shape(value):
        case "line":
            return [lines.from_bytes(value, record, rules)]
        case "msgpack":
            return _from_msgpack(value, record, rules, declared)
        case "otlp_proto":
            return [Rejected("unsupported_type", "OTLP protobuf is not read; set the exporter's encoding to otlp_json")]
        case "unsupported":
            return [Rejected("unsupported_type", "Avro, GELF chunks and compressed values are not read")]
        case _:
            return _from_json(value, record, rules, declared)


def _from_json(value: bytes, record: Record, rules: Rules, declared: str) -> list[Outcome]:  # noqa: PLR0911
    value = value.removeprefix(text.BOM)
    read = _read_json(value)
    if read is None:
        if declared or value.lstrip()[:1] == b"{":
            return [_unreadable(value)]
        return [lines.from_bytes(value, record, rules)]
    parsed, flags = read
    match parsed:
        case dict() if "resourceLogs" in parsed and declared != "gelf":
            return _from_otlp(parsed, record, rules, flags)
        case dict() if declared == "otlp_json" or (declared == "gelf" and "short_message" not in parsed):
            return [Rejected("malformed", f"JSON, but not {declared}")]
        case dict():
            return [objects.to_entry(parsed, record, rules, flags=flags)]
        case list() if declared in {"json", "gelf"} or any(isinstance(item, dict) for item in parsed):
            return _limited(len(parsed), (_element(item, record, rules, flags, at) for at, item in enumerate(parsed)))
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


def _element(item: object, record: Record, rules: Rules, flags: tuple[str, ...], index: int) -> Outcome:
    if isinstance(item, dict):
        return objects.to_entry(item, record, rules, flags=flags, index=index)
    if isinstance(item, str):
        return plain.to_entry(item, record, rules, flags=flags, index=index)
    return Rejected("unsupported_type", "an element that is neither an object nor a string", index)


def _from_otlp(request: dict[object, object], record: Record, rules: Rules, flags: tuple[str, ...]) -> list[Outcome]:
    found = list(islice(otlp.records(request), MAX_BATCH + 1))
    if not found:
        return [Rejected("empty", "an OTLP request without log records")]
    return _limited(len(found), (_log_record(item, record, rules, flags, at) for at, item in enumerate(found)))


def _log_record(
    item: otlp.LogRecord | Rejected, record: Record, rules: Rules, flags: tuple[str, ...], index: int
) -> Outcome:
    match item:
        case Rejected():
            return Rejected(item.reason, item.detail, index)
        case otlp.LogRecord():
            return objects.from_fields(
                item.fields, otlp.FAMILY, record, rules, inner=item.inner, flags=flags, index=index
            )


def _limited(size: int, outcomes: Iterator[Outcome]) -> list[Outcome]:
    """Return at most MAX_BATCH of `outcomes`; what is left out shows as one rejection at the end."""
    kept = list(islice(outcomes, MAX_BATCH))
    if size > MAX_BATCH:
        kept.append(Rejected("too_large", f"a batch of more than {MAX_BATCH} elements", MAX_BATCH))
    return kept


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
