"""Shell: agents read a chunk, call the step that they were given, publish, and only then acknowledge.

Each factory returns an agent for `app.agent`; `event.value` is a list of ConsumerRecord (transport/chunks.py). An
exception ends the process and Kafka hands the chunk to the next one: nothing is acknowledged that was not published.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from itertools import chain
from typing import Any, Final, TypeVar

from aiokafka import ConsumerRecord

from deepsentry import logs, topics, wire
from deepsentry.errors import WireError
from deepsentry.events import Anomaly
from streams.alerting.raising import Raising
from streams.deadletters.braking import Braking
from streams.deadletters.quarantine import gathered
from streams.monitoring.meter import Meter
from streams.sanitizing.columns import Chunk
from streams.sanitizing.sanitize import Sanitized
from streams.sanitizing.waiting import Waiting
from streams.sessions import Sessions
from streams.transport.outbox import Outbox, Outgoing

TOGETHER: Final = 4000
"""Records after which no further chunk is taken into one publish."""
FEW: Final = 1000
FOLLOW_WITHIN: Final = 0.005
"""Seconds that fewer than FEW records wait for others: a publish of a handful keeps all others waiting for longer."""
Agent = Callable[[Any], Awaitable[None]]
T = TypeVar("T")

log = logs.get("agents")


def sanitize(waiting: Waiting, braking: Braking, outbox: Outbox, meter: Meter) -> Agent:
    """Raw records to clean entries, or to the rejected topic."""

    async def run(stream: Any) -> None:
        async for events in _ready(stream):
            async with waiting.turn:
                done = [_sanitized(event, waiting, braking, meter) for event in events]
                for event, each in zip(events, done, strict=True):
                    waiting.mark(event.message.tp, each.clean)
                reached = {topics.CLEAN.name: waiting.marks.headers()}
                await outbox.publish(chain.from_iterable(map(_outgoing, done)), reached)
                for event, each in zip(events, done, strict=True):
                    meter.sanitized(each)
                    waiting.settle(event.message.tp)
                    await stream.ack(event)

    return run


def _sanitized(event: Any, waiting: Waiting, braking: Braking, meter: Meter) -> Sanitized:
    with meter.chunk(event):
        tp = event.message.tp
        records = Chunk(tp.topic, tp.partition, braking.admitted(event))
        return braking.passed(event, waiting.joiner.sanitize(records))


def give_up(waiting: Waiting, outbox: Outbox, meter: Meter) -> Callable[[], Awaitable[None]]:
    """Parts whose others do not come, to clean entries or to the rejected topic."""

    async def run() -> None:
        async with waiting.turn:
            for tp in waiting.quiet():
                done = waiting.give_up(tp)
                await outbox.publish(_outgoing(done))
                meter.sanitized(done)
                waiting.settle(tp)

    return run


def score(sessions: Sessions, meter: Meter) -> Agent:
    """Clean entries to anomalies."""

    async def run(stream: Any) -> None:
        async for events in _ready(stream):
            with meter.chunk(*events):
                await sessions.take([(event.message.tp, event.value) for event in events])
            for event in events:
                await stream.ack(event)

    return run


def alert(raising: Raising, meter: Meter) -> Agent:
    """Anomalies to alerts."""

    async def run(stream: Any) -> None:
        async for event in stream.noack().events():
            with meter.chunk(event):
                await raising.take(event.message.partition, _decoded(Anomaly, event.value))
            await stream.ack(event)

    return run


async def _ready(stream: Any) -> AsyncIterator[list[Any]]:
    """Yield the chunks that wait in `stream`, together: a publish, or a walk of the network, costs what it costs."""
    chunks = stream.noack().events()
    async for first in chunks:
        events = [first]
        if await _gather(stream, chunks, events) < FEW:  # the other partitions of the same fetch follow at once
            await asyncio.sleep(FOLLOW_WITHIN)
            await _gather(stream, chunks, events)
        yield events


async def _gather(stream: Any, chunks: AsyncIterator[Any], events: list[Any]) -> int:
    """Add to `events` the chunks that wait, until these are enough; return how many records they hold."""
    size = sum(len(event.value) for event in events)
    while size < TOGETHER and not stream.channel.queue.empty():
        events.append(await anext(chunks))
        size += len(events[-1].value)
    return size


def _outgoing(done: Sanitized) -> list[Outgoing]:
    name, clean = topics.CLEAN.name, done.clean
    values = wire.encode_each(clean)
    sent = [Outgoing(name, e.sequence.encode("utf-8", "replace"), v) for e, v in zip(clean, values, strict=True)]
    sent += gathered(done.rejected, "sanitize")
    return sent


def _decoded(kind: type[T], records: Iterable[ConsumerRecord]) -> Iterator[tuple[int, T]]:
    for record in records:
        if record.value:
            try:
                yield record.offset, wire.decode(kind, record.value)
            except WireError as error:
                # only DeepSentry writes these topics; what another program put there is passed over, and said
                log.warning("event_unreadable", topic=record.topic, offset=record.offset, reason=str(error)[:200])
