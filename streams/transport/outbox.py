"""Shell: publishes batches and returns when the broker has them; while it is away, says so and tries again."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from zlib import crc32

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError as ClientError
from aiokafka.errors import MessageSizeTooLargeError
from aiokafka.producer.message_accumulator import BatchBuilder

from deepsentry import kafka as broker
from deepsentry import logs, topics
from deepsentry.sections import Kafka

FIRST_WAIT: Final = 0.5
"""Seconds until what failed is tried again; each further wait is twice as long."""
LONGEST_WAIT: Final = 30.0
"""Seconds between two tries, at most."""
BATCH_BYTES: Final = 1_048_576
Headers = Sequence[tuple[str, bytes]]
Partition = tuple[str, int]

log = logs.get("outbox")


class Outgoing(msgspec.Struct, frozen=True, gc=False):
    """One record to publish; without a partition the key decides."""

    topic: str
    key: bytes | None
    value: bytes
    headers: Headers = ()
    partition: int | None = None


def partition_of(key: bytes, count: int) -> int:
    """Return the partition of `key` among `count`: CRC-32, as librdkafka's `consistent` partitioner."""
    return crc32(key) % count


class Outbox:
    """Publishes in order within a partition; every record is confirmed by all in-sync replicas."""

    def __init__(self, kafka: Kafka) -> None:
        self._kafka = kafka
        self._counts: dict[str, int] = {}
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
        self.waiting = False
        """True while the broker does not take what we send."""

    async def stop(self) -> None:
        """Flush and disconnect."""
        if self._producer is not None:
            await self._producer.stop()
            self._producer = None

    async def partitions(self, topic: str) -> int:
        """Return the number of partitions of `topic`; tries for as long as the broker is away."""
        wait = FIRST_WAIT
        while topic not in self._counts:
            try:
                self._counts[topic] = len(await (await self._client()).partitions_for(topic))
            except ClientError as error:  # a topic of which the client has not heard yet is unknown to it
                self.waiting = True
                wait = await _pause(topic, error, wait)
        return self._counts[topic]

    async def publish(self, outgoing: Iterable[Outgoing], last: Mapping[str, Headers] | None = None) -> None:
        """Return when every record is confirmed; tries for as long as the broker is away, with growing pauses.

        `last` gives for a topic headers of the last record in each of its partitions, beside its own.
        """
        left = await self._grouped(outgoing)
        for (topic, _), records in left.items():
            if last and topic in last:
                records[-1] = msgspec.structs.replace(records[-1], headers=(*records[-1].headers, *last[topic]))
        wait = FIRST_WAIT
        while left:
            results = await asyncio.gather(*(self._send(*tp, left[tp]) for tp in left), return_exceptions=True)
            failed: dict[Partition, ClientError] = {}
            for tp, result in zip(left, results, strict=True):
                if isinstance(result, ClientError) and not isinstance(result, MessageSizeTooLargeError):
                    failed[tp] = result
                elif isinstance(result, BaseException):
                    raise result
            self.waiting = bool(failed)
            left = {tp: left[tp] for tp in failed}
            if failed:
                (topic, _), error = next(iter(failed.items()))
                wait = await _pause(topic, error, wait)

    async def _grouped(self, outgoing: Iterable[Outgoing]) -> dict[Partition, list[Outgoing]]:
        groups: dict[Partition, list[Outgoing]] = defaultdict(list)
        topic, count = "", 0
        for record in outgoing:
            partition = record.partition
            if partition is None:
                if record.topic != topic:
                    topic = record.topic
                    count = await self.partitions(topic)
                partition = crc32(record.key or b"") % count
            groups[record.topic, partition].append(record)
        return groups

    async def _send(self, topic: str, partition: int, records: Sequence[Outgoing]) -> None:
        """Send one batch after the other: a later one must not arrive where an earlier one failed."""
        producer = await self._client()
        sent = 0
        while sent < len(records):
            batch: BatchBuilder = producer.create_batch()
            count = _fill(batch, records, sent)
            if count:
                await (await producer.send_batch(batch, topic, partition=partition))
            else:  # larger than a batch by itself; the ordinary path has a limit of its own
                large, count = records[sent], 1
                await producer.send_and_wait(topic, large.value, large.key, partition, headers=list(large.headers))
            sent += count

    async def _client(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    **broker.aiokafka_config(self._kafka),
                    acks="all",
                    enable_idempotence=True,
                    compression_type="zstd",  # aiokafka fixes the levels, and its lz4 costs four times as much
                    max_batch_size=BATCH_BYTES,
                    max_request_size=topics.LARGEST,
                    request_timeout_ms=20_000,
                )
                try:
                    await producer.start()
                except ClientError:
                    await producer.stop()  # it has tasks by now
                    raise
                self._producer = producer
            return self._producer


async def _pause(topic: str, error: ClientError, wait: float) -> float:
    """Say what failed, wait so many seconds, and return how long to wait the next time."""
    log.warning("publish_failed", topic=topic, error=type(error).__name__, again_in_seconds=wait)
    await asyncio.sleep(wait)
    return min(wait * 2, LONGEST_WAIT)


def _fill(batch: BatchBuilder, records: Sequence[Outgoing], begin: int) -> int:
    """Append `records` from `begin` on until the batch is full, and return how many it took."""
    append = batch._builder.append  # noqa: SLF001 - its own method costs as much again, for serializers that we lack
    now = int(time.time() * 1000)
    count = 0
    for record in records[begin:] if begin else records:
        if append(count, now, record.key, record.value, list(record.headers)) is None:
            break
        count += 1
    batch._relative_offset = count  # noqa: SLF001 - as above
    batch.close()
    return count
