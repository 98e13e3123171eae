"""Amazon CloudWatch Logs: what a subscription filter sends, a batch of one log stream.

Source: CloudWatch Logs User Guide, "Real-time processing of log data with subscriptions".
"""

from collections.abc import Iterator, Mapping
from typing import Final

from deepsentry.events import Rejected
from streams.shippers.family import Family
from streams.shippers.fields import Fields

FAMILY: Final = Family("cloudwatch", knows=lambda _: False)
"""A batch is known by `logEvents`, so no single object is ever one."""


def knows(value: Mapping[object, object]) -> bool:
    """Tell whether `value` is a message of a subscription."""
    return isinstance(value.get("logEvents"), list) and "logGroup" in value and "messageType" in value


def events(batch: Mapping[object, object]) -> Iterator[Fields | Rejected]:
    """Yield the fields of every event in order; one that is broken is rejected by itself.

    The group is the service. A control message, which only tests whether the destination answers, has no events.
    """
    found = batch.get("logEvents")
    if batch.get("messageType") != "DATA_MESSAGE" or not isinstance(found, list):
        return
    shared = {name: said for name in ("logGroup", "logStream") if isinstance(said := batch.get(name), str)}
    for event in found:
        if isinstance(event, dict):
            fields: Fields = {"timestamp": event.get("timestamp"), "message": event.get("message")}
            yield fields | {"service.name": shared.get("logGroup"), "logStream": shared.get("logStream")}
        else:
            yield Rejected("unsupported_type", "a log event is no object")
