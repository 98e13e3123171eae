"""What the control plane tells the workers: records on the stream's topics, each acknowledged by the broker."""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from confluent_kafka import KafkaError as Refusal
from confluent_kafka import KafkaException, Message, Producer

from api.breaker import Breaker
from api.errors import StreamAway
from deepsentry import wire
from deepsentry.kafka import librdkafka_config
from deepsentry.sections import Kafka
from deepsentry.topics import Topic

ANSWER_WITHIN: Final = 5.0


class Stream(Protocol):
    """Puts values on topics."""

    async def publish(self, topic: Topic, key: str, value: object, headers: Mapping[str, str] | None = None) -> None:
        """Publish one value (an event, plain data; None takes the key back) and return when it is kept.

        Raises StreamAway; whether the value arrived after all is then not known, so a value must bear to come twice.
        """
        ...

    async def ping(self) -> None:
        """Ask for a sign of life. Raises StreamAway."""
        ...

    async def close(self) -> None:
        """Finish what is under way."""
        ...


class KafkaStream:
    """A `Stream`; connects at the first question or value, and polls the client in the pool while something is due.

    A client that is new takes half a second until it may write (it asks for its id before there is a connection, and
    only then again): the first probe of readiness bears that, and no promotion.
    """

    def __init__(self, kafka: Kafka, clock: Callable[[], float] = time.monotonic) -> None:
        self._config = librdkafka_config(kafka)
        self._producer: Producer | None = None
        self._making = threading.Lock()
        self._breaker = Breaker(StreamAway, clock)

    async def publish(self, topic: Topic, key: str, value: object, headers: Mapping[str, str] | None = None) -> None:
        """Publish one value and return when every replica in sync has it."""
        data = None if value is None else wire.encode(value)
        await self._breaker.call(lambda: asyncio.to_thread(self._publish, topic.name, key, data, dict(headers or {})))

    async def ping(self) -> None:
        """Ask for a sign of life. Raises StreamAway."""
        await self._breaker.call(lambda: asyncio.to_thread(self._metadata))

    async def close(self) -> None:
        """Finish what is under way."""
        if self._producer is not None:
            await asyncio.to_thread(self._producer.flush, ANSWER_WITHIN)

    def _publish(self, topic: str, key: str, data: bytes | None, headers: dict[str, str]) -> None:
        producer = self._client()
        outcome: list[Refusal | None] = []

        def delivered(error: Refusal | None, _: Message) -> None:
            outcome.append(error)

        try:
            producer.produce(topic, data, key, headers=list(headers.items()), on_delivery=delivered)
            deadline = time.monotonic() + ANSWER_WITHIN + 1.0
            while not outcome and time.monotonic() < deadline:
                producer.poll(0.05)
        except (KafkaException, BufferError) as error:
            message = f"the stream does not take it: {type(error).__name__}"
            raise StreamAway(message) from error
        if not outcome or outcome[0] is not None:
            message = "the stream does not answer"
            raise StreamAway(message)

    def _metadata(self) -> None:
        try:
            self._client().list_topics(timeout=2.0)
        except KafkaException as error:
            message = "the stream does not answer"
            raise StreamAway(message) from error

    def _client(self) -> Producer:
        with self._making:
            if self._producer is None:
                own = {"enable.idempotence": True, "acks": "all", "delivery.timeout.ms": int(1000 * ANSWER_WITHIN)}
                self._producer = Producer(self._config | own | {"linger.ms": 0})
            return self._producer
