"""What the demo publishes: lines that show what is normal, then lines to be judged; the shop's or a reader's own."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from confluent_kafka import KafkaException, Producer

from deepsentry import kafka as broker
from deepsentry import topics
from deepsentry.demo.envelopes import as_record
from deepsentry.demo.faults import Fault
from deepsentry.demo.shop import Shop
from deepsentry.errors import DataError, KafkaError
from deepsentry.sections import Kafka
from streams.batch.offline import read_lines

OPENS: Final = 1_795_330_800.0
"""Unix seconds at which the shop's simulated day begins; its lines bear its times, whatever the clock says."""
MOST_LINES: Final = 400_000
"""Lines of a reader's own log that are taken, from its first."""
MOST_BYTES: Final = 268_435_456
LONGEST: Final = 1_048_576
"""Bytes of a line that are published; the sanitizer would cut it there."""
PARTITION: Final = 0
"""Kafka keeps order within a partition only. Lines that took minutes to arise come here within seconds, so all stand
in one, as those of a single shipper do."""
CONFIRMED_WITHIN: Final = 60.0


@dataclass(frozen=True, slots=True)
class Traffic:
    """Records for the raw topic; `judged` follows on `normal` in time."""

    normal: Sequence[bytes]
    judged: Sequence[bytes]
    faults: tuple[Fault, ...] = ()
    secrets: frozenset[str] = frozenset()
    """What no topic but the raw one may show."""


def shop_traffic(seed: int, sound: int, judged: int) -> Traffic:
    """Return the traffic of a shop that serves `sound` requests, then `judged` others with one fault of each kind."""
    shop = Shop(seed)
    normal = list(shop.normal(OPENS, sound))
    # a moment later: nobody is still being served, and no pause of the shop is to be learned
    lines, faults = shop.faults(normal[-1].timestamp + 1.0, judged)
    return Traffic(
        normal=[as_record(line) for line in normal],
        judged=[as_record(line) for line in lines],
        faults=tuple(faults),
        secrets=shop.secrets,
    )


def log_traffic(path: str) -> Traffic:
    """Return the first half of a log file, plain or gzip, as normal and the second to be judged. Raises DataError."""
    lines = list(_bounded(read_lines(path)))
    if len(lines) < 2:  # noqa: PLR2004 - two halves
        message = f"{path}: {len(lines)} lines are too few: the first half trains, the second is judged"
        raise DataError(message)
    half = len(lines) // 2
    return Traffic(normal=lines[:half], judged=lines[half:])


def publish(kafka: Kafka, records: Iterable[bytes]) -> None:
    """Write `records` to the raw topic in order; returns when the broker has all of them. Raises KafkaError."""
    config = {
        "enable.idempotence": True,  # order and no duplicates, also where it has to try again
        "message.max.bytes": 2 * LONGEST,
    }
    producer = Producer(broker.librdkafka_config(kafka) | config)
    refused: list[str] = []

    def confirmed(error: object, _message: object) -> None:
        if error is not None:
            refused.append(str(error))

    try:
        for record in records:
            while not _accepted(producer, record, confirmed):
                producer.poll(0.1)
        left = producer.flush(CONFIRMED_WITHIN)
    except KafkaException as error:
        refused.append(str(error))
        left = 0
    if refused or left:
        message = f"{topics.RAW.name}: {len(refused) + left} records were not taken; {next(iter(refused), 'no answer')}"
        raise KafkaError(message)


def _accepted(producer: Producer, record: bytes, confirmed: Callable[[object, object], None]) -> bool:
    try:
        producer.produce(topics.RAW.name, record, partition=PARTITION, on_delivery=confirmed)
    except BufferError:
        return False
    return True


def _bounded(lines: Iterable[bytes]) -> Iterator[bytes]:
    size = 0
    for line in itertools.islice(lines, MOST_LINES):
        size += len(line)
        if size > MOST_BYTES:
            return
        if line:
            yield line[:LONGEST]
