"""Shell: each target reads the alert topic for itself, in a consumer group of its own.

The topic is its queue: a target that is slow or down falls behind alone, and after a crash goes on where it stood.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from aiokafka.errors import ConsumerStoppedError
from aiokafka.errors import KafkaError as ClientError
from aiokafka.structs import TopicPartition

from deepsentry import kafka as broker
from deepsentry import logs, topics, wire
from deepsentry.errors import KafkaError, WireError
from deepsentry.events import Alert
from deepsentry.settings import Settings
from streams.alerting.telling import Telling
from streams.monitoring.meter import Meter

NEWCOMER: Final = 600.0
"""Seconds before its first start from which a new target is told; workers of one installation start within them."""
POLL: Final = 1.0
MEASURED: Final = 5.0
"""Seconds between two looks at how far a target is behind."""
MOST: Final = 100
LONGEST_WAIT: Final = 30.0
FOREVER: Final = 7 * 86_400_000
"""Milliseconds that a delivery may take: a target that is waited for is no member that hangs."""

log = logs.get("listening")


class Listening(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Reads for one target, tells it, and commits after each notice that it took."""

    def __init__(self, settings: Settings, telling: Telling, meter: Meter, started_at: float) -> None:
        """`started_at`: Unix seconds."""
        self._settings = settings
        self._telling = telling
        self._meter = meter
        self._started_at = started_at
        self._consumer: AIOKafkaConsumer | None = None
        self._taken: dict[TopicPartition, int] = {}
        """Where the records begin that are not yet handled: the consumer itself is ahead, by those that it fetched."""

    async def run(self) -> None:
        """Listen until cancelled; a broker that is away is waited for."""
        measuring = asyncio.create_task(self._measure())
        try:
            await self._listen()
        finally:
            measuring.cancel()

    async def _listen(self) -> None:
        wait = 0.5
        while True:
            self._consumer = self._created()
            try:
                await self._consumer.start()
                self._consumer.subscribe([topics.ALERTS.name], listener=self)
                while True:
                    await self._turn(self._consumer)
                    wait = 0.5
            except (ClientError, KafkaError) as error:
                log.warning("listening_failed", target=self._telling.name, error=type(error).__name__)
            finally:
                await self._consumer.stop()
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT)

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Forget what was told there: another member may tell more."""
        del revoked
        self._telling.forget()
        self._taken = {}

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Go on where the target stood; a new one begins shortly before now, not with what is long over."""
        self._telling.forget()
        consumer = self._consumer
        if consumer is None:
            return
        new = [tp for tp in assigned if await consumer.committed(tp) is None]
        if not new:
            return
        begin = int((self._started_at - NEWCOMER) * 1000)
        found = await consumer.offsets_for_times(dict.fromkeys(new, begin))
        ends = await consumer.end_offsets(new)
        offsets = {tp: place.offset if (place := found.get(tp)) else ends[tp] for tp in new}
        for tp, offset in offsets.items():
            consumer.seek(tp, offset)
        await self._commit(consumer, offsets)

    async def _turn(self, consumer: AIOKafkaConsumer) -> None:
        batch = await consumer.getmany(timeout_ms=int(POLL * 1000), max_records=MOST)
        self._taken |= {tp: records[0].offset for tp, records in batch.items()}
        for tp, records in batch.items():
            await self._take(consumer, tp, records)

        async def places() -> Mapping[int, int]:
            return await _places(consumer)

        await self._telling.refresh(places)

    async def _take(self, consumer: AIOKafkaConsumer, tp: TopicPartition, records: list[Any]) -> None:
        for record in records:
            if tp not in consumer.assignment():
                return  # it went to another member, who tells what is left
            alert = _decoded(record)
            if alert is not None and await self._telling.take(tp.partition, record.offset, alert):
                await self._commit(consumer, {tp: record.offset + 1})
            self._taken[tp] = record.offset + 1
        await self._commit(consumer, {tp: records[-1].offset + 1})

    async def _measure(self) -> None:
        """Say how far the target is behind, also while it is waited for."""
        gauge = self._meter.metrics.notification_lag.labels(self._telling.name)
        while True:
            await asyncio.sleep(MEASURED)
            consumer = self._consumer
            if consumer is not None and consumer.assignment():
                with contextlib.suppress(ClientError, ConsumerStoppedError, TimeoutError):
                    ends = await consumer.end_offsets(list(consumer.assignment()))
                    places = {tp: self._taken.get(tp) for tp in ends}
                    begun = {tp: await consumer.position(tp) if at is None else at for tp, at in places.items()}
                    gauge.set(sum(max(0, end - begun[tp]) for tp, end in ends.items()))

    async def _commit(self, consumer: AIOKafkaConsumer, offsets: Mapping[TopicPartition, int]) -> None:
        try:
            await consumer.commit(dict(offsets))
        except ClientError as error:
            # the next commit covers it; should none come, the same is told again under the same key
            log.warning("commit_failed", target=self._telling.name, error=type(error).__name__)

    def _created(self) -> AIOKafkaConsumer:
        kafka = self._settings.kafka
        name = self._telling.name
        return AIOKafkaConsumer(
            **broker.aiokafka_config(kafka),
            client_id=f"deepsentry-notify-{name}",
            group_id=f"{kafka.group_prefix}-notify-{name}",
            group_instance_id=f"{kafka.instance_id}-notify-{name}" if kafka.instance_id else None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=int(kafka.session_timeout * 1000),
            heartbeat_interval_ms=int(min(3.0, kafka.session_timeout / 4) * 1000),
            max_poll_interval_ms=FOREVER,
            rebalance_timeout_ms=int(kafka.session_timeout * 1000),
        )


async def _places(consumer: AIOKafkaConsumer) -> dict[int, int]:
    places = {}
    for tp in consumer.assignment():
        with contextlib.suppress(ClientError):  # it went to another member
            places[tp.partition] = await consumer.position(tp)
    return places


def _decoded(record: Any) -> Alert | None:
    if not record.value:
        return None
    try:
        return wire.decode(Alert, record.value)
    except WireError as error:
        # only DeepSentry writes this topic; what another program put there is passed over, and said
        log.warning("event_unreadable", topic=record.topic, offset=record.offset, reason=str(error)[:200])
        return None
