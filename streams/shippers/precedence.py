"""Which name wins: host, service, level, time and trace among the fields of an envelope, first usable one first.

Each function takes what it uses out of the fields, so that what is left is the entry's attributes.
"""

import re
from datetime import tzinfo
from typing import Final

from deepsentry.events import Level
from streams.shippers import levels, text, times
from streams.shippers.family import Family
from streams.shippers.fields import MAX_NAME, Fields, as_text

TIME: Final = (
    "@timestamp",
    "timestamp",
    "time",
    "ts",
    "timeUnixNano",
    "observedTimeUnixNano",
    "timereported",
    "ISODATE",
    "DATE",
    "date",
    "_SOURCE_REALTIME_TIMESTAMP",
    "__REALTIME_TIMESTAMP",
)
HOST: Final = (
    "host.name",
    "host.hostname",
    "host",
    "hostname",
    "kubernetes.host",
    "kubernetes.node.name",
    "kubernetes.pod_node_name",
    "_HOSTNAME",
    "fromhost",
    "HOST",
    "k8s.node.name",
    "agent.name",
    "beat.hostname",
)
NAMESPACE: Final = (
    "kubernetes.namespace_name",
    "kubernetes.namespace",
    "kubernetes.pod_namespace",
    "k8s.namespace.name",
)
CONTAINER: Final = (
    "kubernetes.container_name",
    "kubernetes.container.name",
    "k8s.container.name",
    "kubernetes.pod_name",
    "kubernetes.pod.name",
    "k8s.pod.name",
)
SOURCE: Final = (
    "container.name",
    "container_name",
    "CONTAINER_NAME",
    "_SYSTEMD_UNIT",
    "SYSLOG_IDENTIFIER",
    "log.file.path",
    "file",
    "path",
)
PROGRAM: Final = ("tag", "programname", "PROGRAM", "appname")
LEVEL: Final = ("log.level", "level", "severity_text", "severity", "priority", "PRIORITY", "severityNumber")
TRACE: Final = (
    *("trace.id", "trace_id", "traceId", "traceID", "traceid", "TraceId", "TRACE_ID", "otelTraceID", "dd.trace_id"),
    *("mdc.traceId", "mdc.trace_id", "contextMap.traceId", "contextMap.trace_id", "@tr", "x-b3-traceid"),
)
"""ECS, OpenTelemetry, Datadog, logback and log4j, Serilog, Zipkin."""
CARRIERS: Final = (
    *("traceparent", "x-amzn-trace-id", "X-Amzn-Trace-Id", "headers.traceparent", "req.headers.traceparent"),
    *("headers.x-amzn-trace-id", "req.headers.x-amzn-trace-id", "xray_trace_id"),
)
"""Names under which a whole trace header stands."""
REQUEST: Final = (
    *(
        "request_id",
        "requestId",
        "requestID",
        "RequestId",
        "request.id",
        "http.request.id",
        "req_id",
        "reqId",
        "req.id",
    ),
    *("correlation_id", "correlationId", "CorrelationId", "correlation.id", "x-request-id", "X-Request-ID"),
    *("x-correlation-id", "X-Correlation-ID", "headers.x-request-id", "req.headers.x-request-id"),
    *("req.headers.x-correlation-id", "aws_request_id", "awsRequestId", "mdc.requestId", "contextMap.requestId"),
)
"""ECS, Pino, structlog, Serilog, AWS Lambda: an id that holds a request together where no trace id does."""

_ANY_TRACE: Final = frozenset((*TRACE, *CARRIERS, *REQUEST))
_SHORTEST_REQUEST: Final = 8
"""A shorter id counts requests, and another process counts the same."""
_TAG: Final = re.compile(r"([^\s\[\]:]+)(?:\[\d*\])?:?\Z")
_PARENT: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)
_AMAZON: Final = re.compile(r"(?:\A|;)Root=1-([0-9a-f]{8})-([0-9a-f]{24})", re.ASCII)
_DIGITS: Final = re.compile(r"\d{1,3}\Z", re.ASCII)


def take_time(fields: Fields, reference: float, zone: tzinfo) -> tuple[float, str] | None:
    """Return the event time (Unix seconds) and its field, None where no field holds a time."""
    for name in TIME:
        if name in fields:
            seconds = times.from_value(fields[name], reference, zone)
            if seconds is not None:
                del fields[name]
                return seconds, name
    return None


def take_host(fields: Fields) -> str:
    """Return the host, empty where none is named."""
    return take(fields, HOST)


def take_service(fields: Fields) -> str:
    """Return the service: its name, else namespace/container, else the file or program it writes as.

    A pod's name stands in only where no container is named: it changes with every deployment, and a service that
    does would be a new one to every model and alert.
    """
    named = take(fields, ("service.name",))
    if named:
        return named
    if not fields.keys().isdisjoint(CONTAINER):
        container = take(fields, CONTAINER)
        namespace = take(fields, NAMESPACE)
        return f"{namespace}/{container}" if namespace else container
    named = take(fields, SOURCE)
    if named:
        return named
    named = take(fields, PROGRAM)
    tag = _TAG.match(named)
    return tag[1] if tag is not None else named


def take_level(fields: Fields, family: Family) -> Level:
    """Return the level; a number means what the family and the field's name say it means."""
    for name in LEVEL:
        if name not in fields:
            continue
        value = fields[name]
        level: Level = ""
        if isinstance(value, str) and not _DIGITS.match(value):
            level = levels.from_word(value)
        elif isinstance(value, int | float | str) and not isinstance(value, bool):
            level = _numeric(name, family)(float(value))
        if level:
            del fields[name]
            return level
    return ""


def _numeric(name: str, family: Family) -> levels.FromNumber:
    if name in {"priority", "PRIORITY"}:
        return levels.from_syslog
    return levels.from_otlp if name == "severityNumber" else family.numeric_level


def take_trace(fields: Fields) -> str:
    """Return the trace id, also out of a W3C or Amazon trace header, or the request's; empty where there is none."""
    if _ANY_TRACE.isdisjoint(fields):
        return ""
    found = take(fields, TRACE)
    if found.strip("0-"):  # nothing but zeros: no trace was begun
        return found
    for name in CARRIERS:
        carried = trace_in(str(fields[name])) if name in fields else ""
        if carried:
            del fields[name]
            return carried
    for name in REQUEST:
        request = fields.get(name)
        if isinstance(request, str) and len(request) >= _SHORTEST_REQUEST and not request.isalpha():
            return take(fields, (name,))
    return ""


def trace_in(value: str) -> str:
    """Return the trace id in a W3C `traceparent` or an `X-Amzn-Trace-Id` (32 hex digits), empty where it is neither."""
    parent = _PARENT.match(value)
    if parent is not None:
        return parent[1]
    amazon = _AMAZON.search(value)
    return amazon[1] + amazon[2] if amazon is not None else ""


def take(fields: Fields, names: tuple[str, ...]) -> str:
    """Return the first of `names` that is text or a number and not blank, empty where there is none."""
    for name in names:
        if name not in fields:
            continue
        value = fields[name]
        if value is not None and not isinstance(value, list):
            found = as_text(value).strip()
            if found:
                del fields[name]
                return text.cut(found, MAX_NAME)
    return ""
