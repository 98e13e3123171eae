"""Shell: publishes a batch once and says what became of each record; for commands, which do not wait for a broker."""

from collections.abc import Callable, Sequence
from typing import Final

from confluent_kafka import KafkaError as ClientError
from confluent_kafka import Message, Producer

from deepsentry import kafka as broker
from deepsentry import topics
from deepsentry.errors import KafkaError
from deepsentry.sections import Kafka
from streams.transport.outbox import Outgoing

WITHIN: Final = 30.0
"""Seconds until what the broker did not confirm is given up."""
_UNANSWERED: Final = "unanswered"


class Confirming:
    """An idempotent producer; order is kept within a partition."""

    def __init__(self, kafka: Kafka) -> None:
        self._kafka = kafka
        self._producer = Producer(
            broker.librdkafka_config(kafka)
            | {
                "enable.idempotence": True,
                "compression.type": "lz4",
                "message.max.bytes": 100 * topics.MIB,  # before compression; the broker has a limit of its own
                "delivery.timeout.ms": int(WITHIN * 1000),
            }
        )

    def send(self, outgoing: Sequence[Outgoing]) -> list[str]:
        """Publish all, and return for each why the broker refused it, empty where it has it.

        Raises KafkaError where the broker did not answer for some: they may have arrived.
        """
        answers = [_UNANSWERED] * len(outgoing)
        for place, each in enumerate(outgoing):
            self._producer.produce(
                each.topic,
                each.value,
                each.key,
                -1 if each.partition is None else each.partition,
                on_delivery=_noting(answers, place),
                headers=list(each.headers),
            )
            self._producer.poll(0)
        self._producer.flush(2 * WITHIN)
        if _UNANSWERED in answers:
            message = f"broker {self._kafka.bootstrap} did not confirm {answers.count(_UNANSWERED)} records; try again"
            raise KafkaError(message)
        return answers


def _noting(answers: list[str], place: int) -> Callable[[ClientError | None, Message], None]:
    def note(error: ClientError | None, _: Message) -> None:
        if error is None:
            answers[place] = ""
        elif error.code() == ClientError.MSG_SIZE_TOO_LARGE:
            answers[place] = "it is larger than the topic takes"

    return note
