"""Reads anomalies and alerts as they arrive, and tells which anomaly is new in which alert."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition

from deepsentry import kafka as broker
from deepsentry import topics, wire
from deepsentry.errors import KafkaError
from deepsentry.events import Alert, Anomaly
from deepsentry.sections import Kafka

FOLLOWED: Final = (topics.ANOMALIES, topics.ALERTS)


class Told(NamedTuple):
    """An anomaly, and the alert that it opened or joined."""

    alert: Alert
    anomaly: Anomaly


class Pairing:
    """Pure: joins alerts with their anomalies, in whatever order and however often either comes."""

    def __init__(self) -> None:
        self.anomalies: dict[str, Anomaly] = {}
        self.alerts: dict[str, Alert] = {}
        """The newest state of each, by id."""
        self.records = 0
        self._told: set[str] = set()
        self._waiting: dict[str, Alert] = {}

    def take(self, event: Anomaly | Alert) -> Iterator[Told]:
        """Yield what `event` completes."""
        self.records += 1
        match event:
            case Anomaly():
                self.anomalies.setdefault(event.id, event)
            case Alert():
                self.alerts[event.id] = event
                for each in event.anomaly_ids:
                    if each not in self._told:
                        self._waiting.setdefault(each, event)
        for each in [known for known in self._waiting if known in self.anomalies]:
            self._told.add(each)
            yield Told(self._waiting.pop(each), self.anomalies[each])


class Following:
    """Both topics from their beginning."""

    def __init__(self, kafka: Kafka, consumer: Consumer) -> None:
        self._kafka = kafka
        self._consumer = consumer
        self.pairing = Pairing()

    def poll(self, seconds: float) -> Iterator[Told]:
        """Yield what arrived within `seconds`. Raises KafkaError."""
        try:
            messages = self._consumer.consume(500, seconds)
        except KafkaException as error:
            raise KafkaError(str(error)) from error
        for message in messages:
            if message.error():
                raise KafkaError(str(message.error()))
            value = message.value() or b""
            is_alert = message.topic() == topics.ALERTS.name
            yield from self.pairing.take(wire.decode(Alert, value) if is_alert else wire.decode(Anomaly, value))

    def held(self) -> int:
        """Return how many records the topics hold now. Raises KafkaError."""
        return sum(sum(broker.end_offsets(self._kafka, topic.name).values()) for topic in FOLLOWED)


@contextmanager
def following(kafka: Kafka) -> Iterator[Following]:
    """Follow the alerts of a broker, outside every consumer group."""
    consumer = Consumer(broker.librdkafka_config(kafka) | {"group.id": "deepsentry-demo", "enable.auto.commit": False})
    try:
        consumer.assign(
            [
                TopicPartition(topic.name, partition, OFFSET_BEGINNING)
                for topic in FOLLOWED
                for partition in broker.end_offsets(kafka, topic.name)
            ]
        )
        yield Following(kafka, consumer)
    finally:
        consumer.close()
