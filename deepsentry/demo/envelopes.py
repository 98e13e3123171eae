"""The shop's lines as records on a topic: each service has the shipper that its team once chose."""

import zlib
from datetime import UTC, datetime
from typing import Final, assert_never

from deepsentry import wire
from deepsentry.demo.shop import ShopLine
from deepsentry.demo.trail import Severity

_SYSLOG: Final[dict[Severity, int]] = {"error": 3, "warn": 4, "info": 6}
_LOCAL0: Final = 16 * 8


def as_record(line: ShopLine) -> bytes:
    """Return `line` as the value that its shipper publishes.

    Filebeat for the gateway, RFC 5424 for the cart, Fluent Bit for the catalog (Kubernetes) and mail (systemd),
    Vector for payment, rsyslog's text format for shipping.
    """
    time = datetime.fromtimestamp(line.timestamp, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    pid = 300 + zlib.crc32(f"{line.host}/{line.service}".encode()) % 30_000
    match line.service:
        case "gateway":
            return wire.encode(_filebeat(line, time))
        case "cart":
            header = f"<{_LOCAL0 + _SYSLOG[line.level]}>1 {time} {line.host} cart {pid} - -"
            return f"{header} {line.message}".encode()
        case "catalog":
            return wire.encode(_fluent_bit_kubernetes(line))
        case "payment":
            return wire.encode(_vector(line, time))
        case "shipping":
            return f"{time} {line.host} shipping[{pid}]: {line.message}\n".encode()
        case "mail":
            return wire.encode(_fluent_bit_systemd(line, time, pid))
        case _:
            assert_never(line.service)


def _filebeat(line: ShopLine, time: str) -> dict[str, object]:
    return {
        "@timestamp": time,
        "@metadata": {"beat": "filebeat", "type": "_doc", "version": "8.11.0"},
        "message": line.message,
        "log": {"file": {"path": "/var/log/shop/gateway.log"}},
        "input": {"type": "filestream"},
        "ecs": {"version": "8.0.0"},
        "host": {"name": line.host},
        "agent": {"name": line.host, "type": "filebeat", "version": "8.11.0"},
    }


def _fluent_bit_kubernetes(line: ShopLine) -> dict[str, object]:
    return {
        "@timestamp": line.timestamp,
        "stream": "stdout",
        "log": line.message,
        "kubernetes": {
            "pod_name": f"catalog-{line.host[-1]}",
            "namespace_name": "shop",
            "host": line.host,
            "container_name": "catalog",
        },
    }


def _fluent_bit_systemd(line: ShopLine, time: str, pid: int) -> dict[str, object]:
    return {
        "@timestamp": time,
        "PRIORITY": str(_SYSLOG[line.level]),
        "_HOSTNAME": line.host,
        "_SYSTEMD_UNIT": "mail.service",
        "_PID": str(pid),
        "MESSAGE": line.message,
    }


def _vector(line: ShopLine, time: str) -> dict[str, object]:
    return {
        "file": "/var/log/shop/payment.log",
        "host": line.host,
        "message": line.message,
        "source_type": "file",
        "timestamp": time,
    }
