"""The bare copy loop: records from one topic to another, same bytes, confirmed. What any Kafka client must pay.

Runs as a process of its own, so that nothing else is in its processor time:
`python -m deepsentry.bench.copying BROKER FROM TO LINES` prints its Cost.
"""

import asyncio
import sys
import time
from typing import Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord

from deepsentry import kafka as broker
from deepsentry import wire
from deepsentry.bench.cost import Cost, of_this_process
from deepsentry.bench.spoken import spoken
from deepsentry.errors import LocalServerError
from deepsentry.sections import Kafka
from deepsentry.topics import MIB

MOST: Final = 2000
"""Records of a round."""


def measure(kafka: Kafka, source: str, target: str, lines: int) -> Cost:
    """Copy `lines` records in another process and return what they cost it. Raises LocalServerError."""
    return spoken("deepsentry.bench.copying", [kafka.bootstrap, source, target, str(lines)])


async def copy(kafka: Kafka, source: str, target: str, lines: int) -> Cost:
    """Copy `lines` records; what the clients cost before the first arrives does not count."""
    address = broker.aiokafka_config(kafka)
    consumer = AIOKafkaConsumer(source, **address, auto_offset_reset="earliest", fetch_max_bytes=4 * MIB)
    producer = AIOKafkaProducer(
        **address, acks="all", enable_idempotence=True, compression_type="zstd", max_batch_size=MIB
    )
    async with consumer, producer:
        copied = 0
        measured = None
        while copied < lines:
            found = await consumer.getmany(timeout_ms=1000, max_records=MOST)
            if measured is None and found:
                measured = of_this_process()
            await asyncio.gather(*(_send(producer, target, tp.partition, records) for tp, records in found.items()))
            copied += sum(map(len, found.values()))
        if measured is None:
            message = "copying: no lines were asked for"
            raise LocalServerError(message)
        return measured(copied)


async def _send(producer: AIOKafkaProducer, topic: str, partition: int, records: list[ConsumerRecord]) -> None:
    place = 0
    while place < len(records):
        batch = producer.create_batch()
        while place < len(records) and batch.append(
            key=records[place].key, value=records[place].value, timestamp=None, headers=[]
        ):
            place += 1
        await (await producer.send_batch(batch, topic, partition=partition))


def main() -> None:
    """Read the arguments, copy, print the Cost."""
    address, source, target, lines = sys.argv[1:]
    began = time.monotonic()
    cost = asyncio.run(copy(Kafka(bootstrap=address), source, target, int(lines)))
    sys.stderr.write(f"copied in {time.monotonic() - began:.1f} s\n")
    sys.stdout.write(wire.encode(cost).decode() + "\n")


if __name__ == "__main__":
    main()
