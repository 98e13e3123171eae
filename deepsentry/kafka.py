"""Clients of the broker: their configuration, the topics, and reading a topic from one end to the other."""

import asyncio
import logging
import ssl
import time
from collections.abc import Generator
from contextlib import suppress
from typing import Any, Final, NamedTuple, cast

from aiokafka import TopicPartition as AioPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupLoadInProgressError as CoordinatorLoads
from aiokafka.errors import KafkaError as ClientError
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, TopicPartition
from confluent_kafka import KafkaError as ConfluentError
from confluent_kafka.admin import (
    AdminClient,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from deepsentry.errors import KafkaError, TopicMissing
from deepsentry.sections import Kafka
from deepsentry.topics import TOPICS, Topic

ANSWER_WITHIN: Final = 15.0
GLANCE: Final = 500
"""Seconds to wait for an answer of the broker."""
NO_LEADER: Final = (ConfluentError.NOT_LEADER_FOR_PARTITION, ConfluentError.LEADER_NOT_AVAILABLE)


class Stored(NamedTuple):
    """A record as the broker keeps it; `timestamp` is the broker's clock, Unix seconds."""

    topic: str
    partition: int
    offset: int
    timestamp: float
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


def librdkafka_config(kafka: Kafka) -> dict[str, Any]:
    """Return the settings of a confluent-kafka client; librdkafka's own log goes to the `librdkafka` logger."""
    config: dict[str, Any] = {
        "bootstrap.servers": kafka.bootstrap,
        "security.protocol": kafka.security_protocol,
        "logger": logging.getLogger("librdkafka"),
    }
    if kafka.security_protocol.startswith("SASL"):
        config |= {
            "sasl.mechanism": kafka.sasl_mechanism,
            "sasl.username": kafka.sasl_username,
            "sasl.password": kafka.sasl_password.get_secret_value(),
        }
    if kafka.ssl_ca_file:
        config["ssl.ca.location"] = str(kafka.ssl_ca_file)
    return config


def aiokafka_config(kafka: Kafka) -> dict[str, Any]:
    """Return the settings of an aiokafka client."""
    config: dict[str, Any] = {
        "bootstrap_servers": kafka.bootstrap,
        "security_protocol": kafka.security_protocol,
    }
    if kafka.security_protocol.endswith("SSL"):
        config["ssl_context"] = ssl.create_default_context(cafile=kafka.ssl_ca_file)
    if kafka.security_protocol.startswith("SASL"):
        config |= {
            "sasl_mechanism": kafka.sasl_mechanism,
            "sasl_plain_username": kafka.sasl_username,
            "sasl_plain_password": kafka.sasl_password.get_secret_value(),
        }
    return config


def create_topics(kafka: Kafka, wanted: tuple[Topic, ...] = TOPICS) -> list[str]:
    """Create the topics that do not exist yet and return their names. Raises KafkaError."""
    admin = AdminClient(librdkafka_config(kafka))
    present = _topic_names(admin, kafka, ANSWER_WITHIN)
    new = [
        NewTopic(t.name, t.partitions(kafka.partitions), kafka.replication, config=t.settings())
        for t in wanted
        if t.name not in present
    ]
    if not new:
        return []
    for name, future in admin.create_topics(new, operation_timeout=ANSWER_WITHIN).items():
        try:
            future.result(ANSWER_WITHIN)
        except (KafkaException, TimeoutError) as error:
            message = f"cannot create topic {name}: {error}"
            raise KafkaError(message) from error
    return sorted(t.topic for t in new)


def describe_topics(kafka: Kafka, wanted: tuple[Topic, ...] = TOPICS) -> list[dict[str, object]]:
    """Return what the broker says of each topic: partitions, records, and settings that differ from ours."""
    admin = AdminClient(librdkafka_config(kafka))
    present = _topic_names(admin, kafka, ANSWER_WITHIN)
    rows: list[dict[str, object]] = []
    for topic in wanted:
        row: dict[str, object] = {"topic": topic.name, "exists": topic.name in present, "purpose": topic.purpose}
        if topic.name in present:
            resource = ConfigResource(ResourceType.TOPIC, topic.name)
            actual = admin.describe_configs([resource])[resource].result(ANSWER_WITHIN)
            ends = end_offsets(kafka, topic.name)
            row |= {
                "partitions": len(ends),
                "end_offset": sum(ends.values()),
                **{key: actual[key].value for key in ("retention.ms", "cleanup.policy")},
                "differs": sorted(k for k, v in topic.settings().items() if actual[k].value != v),
            }
        rows.append(row)
    return rows


def require_topics(kafka: Kafka, wanted: tuple[Topic, ...], within: float = ANSWER_WITHIN) -> None:
    """Raise TopicMissing, with the remedy, unless every topic of `wanted` exists. Raises KafkaError after `within`."""
    present = _topic_names(AdminClient(librdkafka_config(kafka)), kafka, within)
    missing = [t.name for t in wanted if t.name not in present]
    if missing:
        message = f"topic {missing[0]} does not exist at {kafka.bootstrap}; run `deepsentry topics create`"
        raise TopicMissing(message)


def end_offsets(kafka: Kafka, topic: str) -> dict[int, int]:
    """Return partition -> the offset that its next record will get. Raises KafkaError."""
    return {partition: end for partition, (_, end) in bounds(kafka, topic).items()}


def bounds(kafka: Kafka, topic: str) -> dict[int, tuple[int, int]]:
    """Return partition -> its first offset, and the one that its next record will get. Raises KafkaError."""
    consumer = _reader(kafka)
    try:
        return {p: _bounds(consumer, TopicPartition(topic, p)) for p in _ids(consumer, topic)}
    except KafkaException as error:
        raise KafkaError(_said(kafka, error)) from error
    finally:
        consumer.close()


def read(
    kafka: Kafka,
    topic: str,
    *,
    since: float | None = None,
    begin: dict[int, int] | None = None,
    only: int | None = None,
    follow: bool = False,
) -> Generator[Stored]:
    """Yield the records of `topic` from each partition's begin to its present end, without a consumer group.

    `since` (Unix seconds) skips what the broker stamped earlier, `begin` gives partition -> first offset and leaves out
    the other partitions, as does `only`; with `follow` the reading never ends. Raises KafkaError.
    """
    consumer = _reader(kafka)
    try:
        starts = [p for p in _starts(consumer, topic, since, begin) if only in (None, p.partition)]
        ends = {p.partition: _bounds(consumer, p)[1] for p in starts}
        left = {p.partition for p in starts if follow or ends[p.partition] > _first(consumer, p)}
        consumer.assign(starts)
        while left:
            for message in consumer.consume(2000, 0.5):
                if message.error():
                    raise KafkaError(_said(kafka, message.error()))
                stored = _stored(message)
                if stored.partition in left:
                    yield stored
            if not follow:
                # the position also passes what compaction or a transaction left out
                left -= {p.partition for p in consumer.position(starts) if p.offset >= ends[p.partition]}
    except KafkaException as error:
        raise KafkaError(_said(kafka, error)) from error
    finally:
        consumer.close()


def glance(kafka: Kafka, topic: str, partition: int, offset: int, within: float) -> Generator[Stored]:
    """Yield what stands from `offset` on and comes `within` so many seconds; nothing while the broker is away."""
    consumer = _reader(kafka)
    deadline = time.monotonic() + within
    try:
        with suppress(KafkaException):
            consumer.assign([TopicPartition(topic, partition, offset)])
            while (left := deadline - time.monotonic()) > 0:
                for message in consumer.consume(GLANCE, min(left, 0.1)):
                    if message.error():
                        return
                    yield _stored(message)
    finally:
        consumer.close()


async def committed(kafka: Kafka, group: str, topic: str, partition: int) -> tuple[int, str] | None:
    """Return the offset and the metadata that `group` committed, None where it did not. Raises KafkaError."""
    deadline = time.monotonic() + ANSWER_WITHIN
    while True:
        try:
            return await _committed(kafka, group, AioPartition(topic, partition))
        except ClientError as error:
            # a broker that has just started has no coordinator for a moment
            if not error.retriable or time.monotonic() > deadline:
                raise KafkaError(_said(kafka, type(error).__name__)) from error
            await asyncio.sleep(0.2)


async def _committed(kafka: Kafka, group: str, partition: AioPartition) -> tuple[int, str] | None:
    # not by confluent-kafka: its 2.16 reads metadata past the end
    admin = AIOKafkaAdminClient(**aiokafka_config(kafka))
    try:
        await admin.start()
        found = (await admin.list_consumer_group_offsets(group, partitions=[partition])).get(partition)
    finally:
        await admin.close()
    if found is None:  # the client passes over an error of the whole answer: a coordinator that still loads gives one
        raise CoordinatorLoads
    return (int(found.offset), str(found.metadata or "")) if found.offset >= 0 else None


def wait_for_broker(kafka: Kafka, within: float) -> float:
    """Return the seconds until the broker answered a metadata call. Raises KafkaError after `within` seconds."""
    started = time.monotonic()
    _topic_names(AdminClient(librdkafka_config(kafka)), kafka, within)
    return time.monotonic() - started


def _stored(message: Message) -> Stored:
    headers: list[tuple[str, bytes | None]] = []
    with suppress(SystemError):  # where a name is no UTF-8 this client fails, and a plain call would see it too late
        headers = cast("list[tuple[str, bytes | None]]", next(map(Message.headers, (message,))) or [])
    return Stored(
        message.topic() or "",
        int(message.partition() or 0),
        int(message.offset() or 0),
        message.timestamp()[1] / 1000,
        message.key() or b"",
        message.value() or b"",
        tuple((name, value or b"") for name, value in headers),
    )


def _reader(kafka: Kafka) -> Consumer:
    return Consumer(
        librdkafka_config(kafka)
        | {"group.id": "deepsentry-reader", "enable.auto.commit": False, "auto.offset.reset": "earliest"}
    )


def _ids(consumer: Consumer, topic: str) -> list[int]:
    metadata = consumer.list_topics(topic, ANSWER_WITHIN).topics[topic]
    if metadata.error is not None:
        message = f"topic {topic} does not exist; run `deepsentry topics create`"
        raise TopicMissing(message)
    return sorted(metadata.partitions)


def _starts(consumer: Consumer, topic: str, since: float | None, begin: dict[int, int] | None) -> list[TopicPartition]:
    if begin is not None:
        return [TopicPartition(topic, p, offset) for p, offset in sorted(begin.items())]
    if since is None:
        return [TopicPartition(topic, p, OFFSET_BEGINNING) for p in _ids(consumer, topic)]
    asked = [TopicPartition(topic, p, int(since * 1000)) for p in _ids(consumer, topic)]
    return list(consumer.offsets_for_times(asked, ANSWER_WITHIN))


def _first(consumer: Consumer, start: TopicPartition) -> int:
    low, high = _bounds(consumer, start)
    if start.offset == OFFSET_BEGINNING:
        return low
    return high if start.offset < 0 else max(start.offset, low)


def _bounds(consumer: Consumer, partition: TopicPartition) -> tuple[int, int]:
    """Return the first and the next offset; a topic that was just made has no leader for a moment."""
    deadline = time.monotonic() + ANSWER_WITHIN
    while True:
        try:
            low, high = consumer.get_watermark_offsets(partition, ANSWER_WITHIN)
        except KafkaException as error:
            if error.args[0].code() not in NO_LEADER or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return int(low), int(high)


def _topic_names(admin: AdminClient, kafka: Kafka, within: float) -> set[str]:
    try:
        return set(admin.list_topics(timeout=within).topics)
    except KafkaException as error:
        raise KafkaError(_said(kafka, error)) from error


def _said(kafka: Kafka, error: object) -> str:
    return f"broker {kafka.bootstrap}: {error}; is it up? `deepsentry doctor` looks"
