"""What was fetched: light records in place of the client's own, cut into chunks.

The private names of aiokafka used here are guarded by tests/contracts/test_transport_contract.py.
"""

from collections.abc import Iterator
from typing import Any, Final

import aiokafka
import msgspec
from aiokafka.consumer.fetcher import FetchResult
from aiokafka.structs import TopicPartition

MOST_BYTES: Final = 4 * 1_048_576
"""A chunk is cut after so many bytes of values, whatever its count."""


class Fetched(msgspec.Struct, frozen=True, gc=False):
    """What stands in for aiokafka's ConsumerRecord under the same names, at half the cost; time in milliseconds."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    timestamp_type: int = 0
    checksum: None = None
    serialized_key_size: int = -1
    serialized_value_size: int = -1


Records = list[aiokafka.ConsumerRecord | Fetched]


def pieces(records: Records, most: int) -> Iterator[Records]:
    """Cut `records` into runs of at most `most` records and about MOST_BYTES of values."""
    piece: Records = []
    size = 0
    for record in records:
        if piece and (len(piece) == most or size > MOST_BYTES):
            yield piece
            piece, size = [], 0
        piece.append(record)
        size += len(record.value or b"")
    if piece:
        yield piece


def lighten(consumer: aiokafka.AIOKafkaConsumer) -> None:
    """Let what was fetched and is not unpacked yet become light records; what comes later is correct all the same."""
    for found in consumer._fetcher._records.values():  # noqa: SLF001 - as Faust does
        if isinstance(found, FetchResult) and found.has_more():
            found._partition_records._consumer_record = light  # noqa: SLF001 - it has no other seam


def light(tp: TopicPartition, record: Any) -> Fetched:
    """Return the light record of one that the client has unpacked."""
    return Fetched(
        tp.topic,
        tp.partition,
        record.offset,
        record.timestamp,
        record.key,
        record.value,
        tuple(record.headers),
        record.timestamp_type,
    )
