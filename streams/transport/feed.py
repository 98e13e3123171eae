"""Shell: topics of one partition from their beginning and on, without a consumer group."""

from typing import Final

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, Producer, TopicPartition

from deepsentry import kafka as broker
from deepsentry.kafka import Stored
from deepsentry.sections import Kafka
from deepsentry.topics import Topic

MOST: Final = 500
CONFIRM_WITHIN: Final = 5.0


class Feed:
    """Everything that stands on `topics`, and what comes; without headers."""

    def __init__(self, kafka: Kafka, topics: tuple[Topic, ...]) -> None:
        self._consumer = Consumer(
            broker.librdkafka_config(kafka)
            | {"group.id": "deepsentry-feed", "enable.auto.commit": False, "enable.partition.eof": False}
        )
        self._places = [TopicPartition(topic.name, 0, OFFSET_BEGINNING) for topic in topics]
        self._left = {
            topic.name: end for topic in topics if (end := broker.end_offsets(kafka, topic.name).get(0, 0)) > 0
        }
        self._consumer.assign(self._places)

    @property
    def complete(self) -> bool:
        """Whether what stood on the topics at the start was read."""
        return not self._left

    def take(self, within: float) -> list[Stored]:
        """Return what came, at the latest after `within` seconds; nothing while the broker is away."""
        found = [_stored(m) for m in self._consumer.consume(MOST, within) if not m.error()]
        if self._left:
            for place in self._consumer.position(self._places):
                if place.offset >= self._left.get(place.topic, 0):
                    self._left.pop(place.topic, None)
        return found

    def close(self) -> None:
        """Read no more."""
        self._consumer.close()


def _stored(message: Message) -> Stored:
    place = (message.topic() or "", int(message.partition() or 0), int(message.offset() or 0))
    return Stored(*place, message.timestamp()[1] / 1000, message.key() or b"", message.value() or b"", ())


class Teller:
    """Publishes a record and says whether the broker has it; it does not wait for a broker that is away."""

    def __init__(self, kafka: Kafka) -> None:
        self._producer = Producer(
            broker.librdkafka_config(kafka)
            | {"enable.idempotence": True, "linger.ms": 0, "message.timeout.ms": int(CONFIRM_WITHIN * 1000)}
        )

    def tell(self, topic: Topic, key: str, value: bytes) -> bool:
        """Return whether the broker confirmed it within seconds."""
        answers: list[bool] = []
        try:
            self._producer.produce(
                topic.name, value, key.encode(), on_delivery=lambda error, _: answers.append(error is None)
            )
        except (BufferError, KafkaException):
            return False
        self._producer.flush(2 * CONFIRM_WITHIN)
        return answers == [True]
