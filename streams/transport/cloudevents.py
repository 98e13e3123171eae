"""Pure: CloudEvents 1.0 in Kafka's binary mode: the attributes are headers, the value stays the event itself."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

import msgspec

PREFIX: Final = "ce_"
CONTENT: Final = "content-type"

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


def structured(named: Iterable[tuple[str, bytes]], value: bytes) -> dict[str, Any]:
    """Return the event whose attributes are the headers `named`, in structured JSON; `value` is JSON, as it stands."""
    texts = {name: text.decode("utf-8", "replace") for name, text in named}
    attributes = {name.removeprefix(PREFIX): text for name, text in texts.items() if name.startswith(PREFIX)}
    return {**attributes, "datacontenttype": texts.get(CONTENT, "application/json"), "data": msgspec.Raw(value)}
