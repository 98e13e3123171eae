"""Shell: some records of a topic, read once and within a time: what there was is better than what comes too late."""

import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Final

from confluent_kafka import Consumer, TopicPartition

from deepsentry import kafka as broker
from deepsentry.sections import Kafka

POLL: Final = 0.05
"""Seconds: a client waits for so long when nothing comes."""
BATCH: Final = 500
Record = tuple[int, int, bytes | None, bytes | None]
"""Partition, offset, key, value."""


class Stretch:
    """Reads pieces of one topic; every call ends when `deadline`, by the monotonic clock, is over."""

    def __init__(self, kafka: Kafka, topic: str, deadline: float) -> None:
        self._topic = topic
        self._deadline = deadline
        self._consumer = Consumer(
            broker.librdkafka_config(kafka)
            | {
                "group.id": "deepsentry-stretch",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 20,
            }
        )

    @property
    def in_time(self) -> bool:
        """Whether there is time left."""
        return time.monotonic() < self._deadline

    def close(self) -> None:
        """Let the broker go."""
        self._consumer.close()

    def partitions(self) -> list[int]:
        """Return the topic's partitions. Raises KafkaException."""
        return sorted(self._consumer.list_topics(self._topic, self._left()).topics[self._topic].partitions)

    def bounds(self, partition: int) -> tuple[int, int]:
        """Return the first offset that is there, and the next that will be. Raises KafkaException."""
        low, high = self._consumer.get_watermark_offsets(TopicPartition(self._topic, partition), self._left())
        return int(low), int(high)

    def offsets(self, at: float) -> dict[int, int]:
        """Return partition -> the first offset that the broker stamped `at` (Unix seconds) or later, -1 for none."""
        asked = [TopicPartition(self._topic, partition, int(at * 1000)) for partition in self.partitions()]
        return {found.partition: found.offset for found in self._consumer.offsets_for_times(asked, self._left())}

    def stamp(self, partition: int, offset: int) -> float | None:
        """Return when the broker got a record, Unix seconds; None where it is not there, or does not come in time."""
        if partition not in self.partitions():
            return None
        low, high = self.bounds(partition)
        if not low <= offset < high:
            return None
        self._consumer.assign([TopicPartition(self._topic, partition, offset)])
        while self.in_time:
            for message in self._consumer.consume(1, POLL):
                if not message.error():
                    return message.timestamp()[1] / 1000
        return None

    def read(self, pieces: Mapping[int, tuple[int, int]]) -> Iterator[Record]:
        """Yield what stands in partition -> (first, next after the last), as far as it comes in time."""
        left = {partition: piece for partition, piece in pieces.items() if piece[0] < piece[1]}
        self._consumer.assign([TopicPartition(self._topic, p, first) for p, (first, _) in left.items()])
        while left and self.in_time:
            for message in self._consumer.consume(BATCH, POLL):
                partition, offset = int(message.partition() or 0), int(message.offset() or 0)
                if not message.error() and partition in left and offset < left[partition][1]:
                    yield partition, offset, message.key(), message.value()
            for place in self._consumer.position([TopicPartition(self._topic, p) for p in left]):
                if place.offset >= left[place.partition][1]:  # what compaction left out is passed, too
                    del left[place.partition]

    def _left(self) -> float:
        return max(POLL, self._deadline - time.monotonic())


def newest(kafka: Kafka, topic: str, begin: Mapping[int, int], most: int, within: float) -> list[Record]:
    """Return the records of `topic` from the offsets `begin` on, at most the newest `most` of a partition.

    Those that do not come in time are missing. Raises KafkaException.
    """
    with closing(Stretch(kafka, topic, time.monotonic() + within)) as stretch:
        pieces = {}
        for partition in stretch.partitions():
            low, high = stretch.bounds(partition)
            pieces[partition] = (max(low, begin.get(partition, 0), high - most), high)
        return list(stretch.read(pieces))
