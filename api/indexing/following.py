"""Shell: follows the topics in a consumer group of its own, and commits what the store has."""

import asyncio
from collections.abc import Callable
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError as ClientError

from api.errors import StoreAway
from api.indexing.indexer import FOLLOWED, Indexer
from deepsentry import logs
from deepsentry.kafka import Stored, aiokafka_config
from deepsentry.sections import Kafka

TOGETHER: Final = 500
LOOK_EVERY: Final = 1.0
AGAIN: Final = 1.0
LONGEST_WAIT: Final = 15.0

log = logs.get("indexer")


class Following:
    """Reads, lets the indexer keep, commits. Several processes share the partitions."""

    def __init__(self, kafka: Kafka, indexer: Indexer) -> None:
        self._kafka = kafka
        self._indexer = indexer
        self.waiting = "no assignment from the consumer group yet"
        """Why nothing is kept now; empty where it is."""
        self.records = 0
        self.lag: dict[str, int] = {}
        """`topic/partition` -> records not yet kept."""

    async def run(self, stopping: asyncio.Event, beat: Callable[[], None]) -> None:
        """Follow until `stopping`; a server that is away is asked again, and nothing is passed over."""
        while not stopping.is_set():
            consumer = AIOKafkaConsumer(
                *(topic.name for topic in FOLLOWED),
                **aiokafka_config(self._kafka),
                group_id=f"{self._kafka.group_prefix}-index",
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                session_timeout_ms=int(self._kafka.session_timeout * 1000),
                heartbeat_interval_ms=int(min(3.0, self._kafka.session_timeout / 4) * 1000),
            )
            try:
                await consumer.start()
                while not stopping.is_set():
                    beat()
                    await self._turn(consumer, stopping, beat)
            except ClientError as error:
                self.waiting = f"no broker answers at {self._kafka.bootstrap}"
                log.warning("waiting", reason=self.waiting, error=type(error).__name__)
                beat()
                await _pause(stopping, AGAIN)
            finally:
                await consumer.stop()

    async def _turn(self, consumer: AIOKafkaConsumer, stopping: asyncio.Event, beat: Callable[[], None]) -> None:
        batches = await consumer.getmany(timeout_ms=int(LOOK_EVERY * 1000), max_records=TOGETHER)
        for records in batches.values():
            for record in records:
                if not await self._kept(_stored(record), stopping, beat):
                    return  # it comes again to whoever is next
                self.records += 1
        if batches:
            await consumer.commit({place: records[-1].offset + 1 for place, records in batches.items()})
        assigned = consumer.assignment()
        self.waiting = "" if assigned else "no assignment from the consumer group yet"
        self.lag = {f"{place.topic}/{place.partition}": await _behind(consumer, place) for place in assigned}

    async def _kept(self, record: Stored, stopping: asyncio.Event, beat: Callable[[], None]) -> bool:
        wait = AGAIN
        while not stopping.is_set():
            try:
                await self._indexer.take(record)
            except StoreAway as error:
                self.waiting = str(error)
                log.warning("waiting", reason=str(error), again_in_seconds=wait)
                beat()
                await _pause(stopping, wait)
                wait = min(2 * wait, LONGEST_WAIT)
            else:
                return True
        return False


async def _behind(consumer: AIOKafkaConsumer, place: TopicPartition) -> int:
    return max(0, int(consumer.highwater(place) or 0) - int(await consumer.position(place)))


async def _pause(stopping: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stopping.wait(), seconds)
    except TimeoutError:
        return


def _stored(record: ConsumerRecord) -> Stored:
    headers = tuple((name, value or b"") for name, value in record.headers)
    return Stored(
        record.topic,
        record.partition,
        record.offset,
        record.timestamp / 1000,
        record.key or b"",
        record.value or b"",
        headers,
    )
