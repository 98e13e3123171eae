"""Pure: CloudEvents 1.0 in Kafka's binary mode: the attributes are headers, the value stays the event itself."""

from datetime import datetime
from typing import Final

SPEC: Final = b"1.0"


def headers(kind: str, source: str, identity: str, time: datetime) -> tuple[tuple[str, bytes], ...]:
    """Return the headers of an event of type `io.deepsentry.<kind>.v1` (cloudevents.io, Kafka protocol binding)."""
    return (
        ("ce_specversion", SPEC),
        ("ce_type", f"io.deepsentry.{kind}.v1".encode()),
        ("ce_source", f"/deepsentry/{source}".encode()),
        ("ce_id", identity.encode()),
        ("ce_time", time.isoformat().encode()),
        ("content-type", b"application/json"),
    )
