"""Shell: one process at a time, the only member of a consumer group; a killed one is out after its session."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from confluent_kafka import Consumer, KafkaException
from confluent_kafka import KafkaError as ClientError
from confluent_kafka.admin import AdminClient

from deepsentry import kafka as broker
from deepsentry.errors import KafkaError
from deepsentry.sections import Kafka
from deepsentry.topics import Topic

SESSION: Final = 6.0
"""Seconds after which a killed member is taken for dead: the least that brokers allow by default."""
WITHIN: Final = 3 * SESSION


@contextmanager
def alone(kafka: Kafka, group: str, topic: Topic) -> Iterator[Callable[[], bool]]:
    """Wait until no other process is in `group`, and give what tells whether this is still the only one.

    `topic` has one partition, which goes to one member. Raises KafkaError where another process stays.
    """
    deadline = time.monotonic() + WITHIN
    admin = AdminClient(broker.librdkafka_config(kafka))
    while _members(admin, group):
        if time.monotonic() > deadline:
            message = f"another process is at it, in the consumer group {group}; wait until it is done"
            raise KafkaError(message)
        time.sleep(0.5)
    consumer = Consumer(
        broker.librdkafka_config(kafka)
        | {
            "group.id": group,
            "session.timeout.ms": int(SESSION * 1000),
            "enable.auto.commit": False,
            "auto.offset.reset": "latest",
        }
    )
    try:
        consumer.subscribe([topic.name])
        while not consumer.assignment():
            consumer.poll(0.1)
            if time.monotonic() > deadline + WITHIN:
                message = f"consumer group {group} gave no assignment; may this user join it?"
                raise KafkaError(message)

        def is_alone() -> bool:
            consumer.poll(0)
            return bool(consumer.assignment())

        yield is_alone
    finally:
        consumer.close()


def _members(admin: AdminClient, group: str) -> int:
    try:
        described = admin.describe_consumer_groups([group], request_timeout=broker.ANSWER_WITHIN)[group].result()
    except KafkaException as error:
        if error.args[0].code() == ClientError.GROUP_ID_NOT_FOUND:
            return 0
        message = f"consumer group {group}: {error.args[0].str()}"
        raise KafkaError(message) from error
    return len(described.members)
