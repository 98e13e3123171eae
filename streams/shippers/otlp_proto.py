"""OpenTelemetry: an OTLP export request in protobuf, the default of collectors; each log record becomes an entry.

Source: opentelemetry-proto, collector/logs/v1/logs_service.proto, logs/v1/logs.proto and common/v1/common.proto.
"""

from collections.abc import Iterable, Iterator

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from deepsentry import wire
from deepsentry.events import Rejected
from streams.shippers import otlp
from streams.shippers.record import MAX_DEPTH


def records(value: bytes) -> Iterator[otlp.LogRecord | Rejected]:
    """Return every log record of the export request `value` in order. Raises WireError where it is none."""
    return _records(wire.from_protobuf(ExportLogsServiceRequest, value))


def _records(request: ExportLogsServiceRequest) -> Iterator[otlp.LogRecord | Rejected]:
    for resource_logs in request.resource_logs:
        resource: dict[str, str] | None = None
        for scope_logs in resource_logs.scope_logs:
            for record in scope_logs.log_records:
                if resource is None:
                    resource = otlp.shared(_map(resource_logs.resource.attributes, MAX_DEPTH))
                yield _record(record, resource, scope_logs.scope.name)


def _record(record: LogRecord, resource: dict[str, str], scope: str) -> otlp.LogRecord | Rejected:
    own: dict[object, object] = {
        "timeUnixNano": record.time_unix_nano or None,
        "observedTimeUnixNano": record.observed_time_unix_nano or None,
        "severityNumber": record.severity_number or None,
        "severity_text": record.severity_text or None,
        "trace_id": record.trace_id.hex() or None,
        "span_id": record.span_id.hex() or None,
    }
    body = _any(record.body, MAX_DEPTH)
    return otlp.assemble(own, body, _map(record.attributes, MAX_DEPTH), resource, scope)


def _map(pairs: Iterable[KeyValue], depth: int) -> dict[object, object]:
    return {pair.key: _any(pair.value, depth) for pair in pairs}


def _any(value: AnyValue, depth: int) -> object:  # noqa: PLR0911 - one row a kind
    """Return an AnyValue as plain data; one without a value is nothing."""
    if depth == 0:
        return None
    match value.WhichOneof("value"):
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case "int_value":
            return value.int_value
        case "double_value":
            return value.double_value
        case "bytes_value":
            return value.bytes_value
        case "array_value":
            return [_any(item, depth - 1) for item in value.array_value.values]
        case "kvlist_value":
            return _map(value.kvlist_value.values, depth - 1)
        case _:
            return None
