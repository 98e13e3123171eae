"""OpenTelemetry: an OTLP/JSON export request is a batch; each log record becomes an entry.

Source: opentelemetry-proto, logs/v1/logs.proto and common/v1/common.proto in their JSON mapping.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from deepsentry.events import Rejected
from streams.shippers.family import MESSAGE, Family
from streams.shippers.fields import Fields, attributes, flatten
from streams.shippers.record import MAX_DEPTH

_OWN: Final = {
    "timeUnixNano": "timeUnixNano",
    "observedTimeUnixNano": "observedTimeUnixNano",
    "severityNumber": "severityNumber",
    "severityText": "severity_text",
    "traceId": "trace_id",
    "spanId": "span_id",
}

_MAX_SHARED: Final = 4096
"""Characters of a resource's attributes."""

FAMILY: Final = Family(
    "otlp",
    knows=lambda _: False,
    # What is left of time and level after one was chosen says nothing new; the rest made the export, and
    # is the same for all lines of a process.
    noise=frozenset({"timeUnixNano", "observedTimeUnixNano", "severityNumber"}),
    noise_under=("telemetry.sdk.", "process.runtime.", "process.command"),
    message=("body", *(name for name in MESSAGE if name != "body")),
)
"""A request is known by `resourceLogs`, so no single object is ever asked."""


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One log record with what its resource and scope say of it; `inner` are the fields of a body that is a map."""

    fields: Fields
    inner: Fields | None


def records(request: Mapping[object, object]) -> Iterator[LogRecord | Rejected]:
    """Yield every log record of an export request in order; one that is broken is rejected by itself."""
    for resource_logs in _objects(request.get("resourceLogs")):
        resource = shared(_map(_object(resource_logs.get("resource")).get("attributes"), MAX_DEPTH))
        for scope_logs in _objects(resource_logs.get("scopeLogs")):
            scope = _object(scope_logs.get("scope")).get("name")
            for record in _elements(scope_logs.get("logRecords")):
                if isinstance(record, dict):
                    yield _record(record, resource, scope)
                else:
                    yield Rejected("unsupported_type", "a log record is no object")


def assemble(
    own: Mapping[object, object], body: object, said: Mapping[object, object], resource: dict[str, str], scope: object
) -> LogRecord | Rejected:
    """Return a log record of plain data: its `own` fields, its body, what its attributes, resource and scope say."""
    inner = flatten(body) if isinstance(body, dict) else {}
    named: dict[object, object] = {} if isinstance(body, dict) or body is None else {"body": body}
    scoped: dict[object, object] = {"otel.scope.name": scope} if isinstance(scope, str) and scope else {}
    fields = flatten({**own, **named, **said, **scoped})
    if inner is None or fields is None:
        return Rejected("too_deep", "a log record nests deeper than any body")
    return LogRecord({**resource, **fields}, inner or None)


def shared(said: Mapping[object, object]) -> dict[str, str]:
    """Return the attributes of a resource, bounded in sum: every record of the batch gets a copy."""
    kept: dict[str, str] = {}
    left = _MAX_SHARED
    for name, value in attributes(flatten(said) or {})[0].items():
        size = len(name) + len(value)
        if size <= left:
            kept[name] = value
            left -= size
    return kept


def _record(record: Mapping[object, object], resource: dict[str, str], scope: object) -> LogRecord | Rejected:
    own: dict[object, object] = {name: record.get(sent) for sent, name in _OWN.items()}
    body = _any(record.get("body"), MAX_DEPTH)
    return assemble(own, body, _map(record.get("attributes"), MAX_DEPTH), resource, scope)


def _map(pairs: object, depth: int) -> dict[object, object]:
    named = ((pair.get("key"), pair.get("value")) for pair in _objects(pairs))
    return {key: _any(value, depth) for key, value in named if isinstance(key, str)}


def _any(value: object, depth: int) -> object:  # noqa: PLR0911 - one row a kind
    """Return an AnyValue as plain data; what is none of its kinds says nothing, as the proto demands."""
    if not isinstance(value, dict) or depth == 0:
        return None
    match value:
        case {"stringValue": str(text)}:
            return text
        case {"boolValue": bool(flag)}:
            return flag
        case {"intValue": int() | str() as number}:
            return number
        case {"doubleValue": int() | float() | str() as number}:
            return number
        case {"arrayValue": {"values": list(items)}}:
            return [_any(item, depth - 1) for item in items]
        case {"kvlistValue": {"values": list(pairs)}}:
            return _map(pairs, depth - 1)
        case {"bytesValue": str(encoded)}:
            return _bytes(encoded)
        case _:
            return None


def _bytes(encoded: str) -> bytes | None:
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None


def _object(value: object) -> Mapping[object, object]:
    return value if isinstance(value, dict) else {}


def _elements(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _objects(value: object) -> Iterator[Mapping[object, object]]:
    return (item for item in _elements(value) if isinstance(item, dict))
