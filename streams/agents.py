"""Shell: agents read a chunk, call the step that they were given, publish, and only then acknowledge.

Each factory returns an agent for `app.agent`; `event.value` is a list of ConsumerRecord (transport.py). An exception
ends the process and Kafka hands the chunk to the next one: nothing is acknowledged that was not published.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any, TypeVar

from aiokafka import ConsumerRecord

from deepsentry import logs, topics, wire
from deepsentry.errors import WireError
from deepsentry.events import Alert, Anomaly
from streams.alerting import Raising, Telling
from streams.meter import Meter
from streams.outbox import Outbox, Outgoing
from streams.quarantine import quarantine
from streams.sanitize import Located, Sanitized, Sanitizer
from streams.sessions import Sessions
from streams.shippers import Record

Agent = Callable[[Any], Awaitable[None]]
T = TypeVar("T")

log = logs.get("agents")


def sanitize(sanitizer: Sanitizer, outbox: Outbox, meter: Meter) -> Agent:
    """Raw records to clean entries, or to the rejected topic."""

    async def run(stream: Any) -> None:
        async for event in stream.noack().events():
            with meter.chunk(event):
                done = sanitizer.sanitize([_located(record) for record in event.value])
                await outbox.publish(_outgoing(done))
            meter.sanitized(done)
            await stream.ack(event)

    return run


def score(sessions: Sessions, meter: Meter) -> Agent:
    """Clean entries to anomalies."""

    async def run(stream: Any) -> None:
        async for event in stream.noack().events():
            with meter.chunk(event):
                await sessions.take(event.message.tp, event.value)
            await stream.ack(event)

    return run


def alert(raising: Raising, meter: Meter) -> Agent:
    """Anomalies to alerts."""

    async def run(stream: Any) -> None:
        async for event in stream.noack().events():
            with meter.chunk(event):
                anomalies = (anomaly for _, anomaly in _decoded(Anomaly, event.value))
                await raising.take(event.message.partition, anomalies)
            await stream.ack(event)

    return run


def notify(telling: Telling, meter: Meter) -> Agent:
    """Alerts to people."""

    async def run(stream: Any) -> None:
        async for event in stream.noack().events():
            with meter.chunk(event):
                await telling.take(event.message.partition, _decoded(Alert, event.value))
            await stream.ack(event)

    return run


def _located(record: ConsumerRecord) -> Located:
    headers = tuple(record.headers)
    raw = Record(record.value, record.key, headers, record.timestamp / 1000, record.topic)
    return Located(raw, record.partition, record.offset)


def _outgoing(done: Sanitized) -> Iterator[Outgoing]:
    for entry in done.clean:
        yield Outgoing(topics.CLEAN.name, entry.sequence.encode("utf-8", "replace"), wire.encode(entry))
    for located, rejected in done.rejected:
        yield quarantine(located.record, located.position(rejected.index), rejected, "sanitize")


def _decoded(kind: type[T], records: Iterable[ConsumerRecord]) -> Iterator[tuple[int, T]]:
    for record in records:
        if record.value:
            try:
                yield record.offset, wire.decode(kind, record.value)
            except WireError as error:
                # only DeepSentry writes these topics; what another program put there is passed over, and said
                log.warning("event_unreadable", topic=record.topic, offset=record.offset, reason=str(error)[:200])
