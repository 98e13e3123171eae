"""A line as each shipper publishes it. What one cannot carry, attributes or line breaks, another takes."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from benchmarks.planting.shapes import Line
from deepsentry import wire


class Published(NamedTuple):
    """A Kafka record's key, headers and value."""

    value: bytes
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()


Envelope = Callable[[Line, float, int], bytes]
"""Takes the line, its time in Unix seconds and its number."""


def _stamp(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _path(line: Line) -> str:
    return line.path or "/var/log/shop/app.log"


def _filebeat(line: Line, time: float, number: int) -> bytes:
    return wire.encode(
        {
            "@timestamp": _stamp(time),
            "@metadata": {"beat": "filebeat", "type": "_doc", "version": "8.11.0"},
            "message": line.message,
            "fields": dict(line.attributes),
            "log": {"offset": number * 100, "file": {"path": _path(line)}},
            "input": {"type": "filestream"},
            "ecs": {"version": "8.0.0"},
            "host": {"name": "shop-1"},
            "agent": {"type": "filebeat", "version": "8.11.0"},
        }
    )


def _fluent_bit(line: Line, time: float, number: int) -> bytes:
    return wire.encode(
        {
            "@timestamp": time,
            "stream": "stdout",
            "log": line.message,
            "filename": _path(line),
            "kubernetes": {"pod_name": f"shop-{number % 7}", "namespace_name": "shop", "labels": dict(line.attributes)},
        }
    )


def _fluentd(line: Line, time: float, _: int) -> bytes:
    return wire.encode(
        {"message": line.message, "tag": "shop.app", "time": time, "path": _path(line), **line.attributes}
    )


def _journald(line: Line, time: float, number: int) -> bytes:
    return wire.encode(
        {
            "__REALTIME_TIMESTAMP": str(int(time * 1e6)),
            "PRIORITY": "6",
            "_HOSTNAME": "shop-1",
            "_SYSTEMD_UNIT": "shop.service",
            "_PID": str(300 + number % 99),
            "_EXE": _path(line),
            "MESSAGE": line.message,
            **line.attributes,
        }
    )


def _vector(line: Line, time: float, _: int) -> bytes:
    return wire.encode(
        {
            "file": _path(line),
            "host": "shop-1",
            "message": line.message,
            "source_type": "file",
            "timestamp": _stamp(time),
            **line.attributes,
        }
    )


def _logstash(line: Line, time: float, _: int) -> bytes:
    return wire.encode(
        {
            "@timestamp": _stamp(time),
            "@version": "1",
            "host": {"name": "shop-1"},
            "message": line.message,
            "log": {"file": {"path": _path(line)}},
            **line.attributes,
        }
    )


def _gelf(line: Line, time: float, _: int) -> bytes:
    extra = {f"_{name}": value for name, value in line.attributes.items()}
    return wire.encode(
        {
            "version": "1.1",
            "host": "shop-1",
            "short_message": line.message,
            "timestamp": time,
            "_file": _path(line),
            **extra,
        }
    )


def _otlp(line: Line, time: float, _: int) -> bytes:
    attributes = {"log.file.path": _path(line), **line.attributes}
    listed = [{"key": name, "value": {"stringValue": value}} for name, value in attributes.items()]
    record = {
        "timeUnixNano": str(int(time * 1e9)),
        "severityText": "INFO",
        "body": {"stringValue": line.message},
        "attributes": listed,
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
    return wire.encode({"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": [record]}]}]})


def _docker(line: Line, time: float, _: int) -> bytes:
    return wire.encode(
        {"log": line.message + "\n", "stream": "stderr", "time": _stamp(time), "attrs": dict(line.attributes)}
    )


def _cri(line: Line, time: float, _: int) -> bytes:
    return f"{_stamp(time)} stdout F {line.message}".encode()


def _rfc5424(line: Line, time: float, number: int) -> bytes:
    return f"<134>1 {_stamp(time)} shop-1 shop {300 + number % 99} - - {line.message}".encode()


def _rfc3164(line: Line, time: float, number: int) -> bytes:
    stamp = datetime.fromtimestamp(time, UTC).strftime("%b %d %H:%M:%S")
    return f"<134>{stamp} shop-1 shop[{300 + number % 99}]: {line.message}".encode()


def _plain(line: Line, time: float, _: int) -> bytes:
    return f"{_stamp(time)} INFO {line.message}".encode()


def _application(line: Line, time: float, _: int) -> bytes:
    return json.dumps(
        {"ts": time, "level": "info", "msg": line.message, "caller": _path(line), **line.attributes}
    ).encode()


TEXT: Final[Mapping[str, Envelope]] = {"cri": _cri, "rfc5424": _rfc5424, "rfc3164": _rfc3164, "plain": _plain}
"""Shippers that publish one line of text and no more."""
STRUCTURED: Final[Mapping[str, Envelope]] = {
    "filebeat": _filebeat,
    "fluent bit": _fluent_bit,
    "fluentd": _fluentd,
    "journald": _journald,
    "vector": _vector,
    "logstash": _logstash,
    "gelf": _gelf,
    "otlp": _otlp,
    "docker": _docker,
    "application": _application,
}


def envelopes(line: Line) -> Mapping[str, Envelope]:
    """Return the shippers that can carry a line whole."""
    needs_fields = bool(line.attributes) or bool(line.path) or "\n" in line.message
    return STRUCTURED if needs_fields else {**STRUCTURED, **TEXT}
