"""Shell: which silences stand now, from the settings and from the feedback topic; those of the topic within seconds."""

import asyncio
from collections.abc import Iterable
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError as ClientError

from deepsentry import kafka as broker
from deepsentry import logs, topics, wire
from deepsentry.errors import SettingsError, WireError
from deepsentry.events import Silence
from deepsentry.sections import Kafka
from deepsentry.settings import Settings
from streams.alerts.exemption import Exemption, declared

KEY: Final = b"silence/"
"""What the key of a silence begins with on the feedback topic."""
MOST: Final = 10_000
"""Silences that are honoured; those that end soonest, beyond that."""
AGAIN: Final = 2.0
"""Seconds until a broker that was away is asked again."""

log = logs.get("silencing")


def key_of(silence: Silence) -> bytes:
    """Return the key of `silence` on the feedback topic."""
    return KEY + silence.id.encode()


def written(records: Iterable[tuple[bytes | None, bytes | None]]) -> dict[str, Silence]:
    """Return id -> the newest silence in `records` (key, value); what another program wrote there is passed over."""
    found: dict[str, Silence] = {}
    for key, value in records:
        if not value or not key or not key.startswith(KEY):
            continue
        try:
            silence = wire.decode(Silence, value)
        except WireError as error:
            log.warning("silence_unreadable", reason=str(error)[:200])
            continue
        found[silence.id] = silence
    return found


def stored(kafka: Kafka) -> dict[str, Silence]:
    """Return id -> each silence of the feedback topic. Raises KafkaError."""
    return written((record.key, record.value) for record in broker.read(kafka, topics.FEEDBACK.name))


class Silencing:
    """The exemptions of an alert worker."""

    def __init__(self, settings: Settings) -> None:
        """Raises SettingsError where a declared silence has a condition that is none."""
        self._kafka = settings.kafka
        self._declared = tuple(Exemption.of(silence) for silence in declared(settings.alerts.silences))
        self._written: dict[str, Exemption] = {}
        self.exemptions: tuple[Exemption, ...] = self._declared
        """All of them; an exemption knows by itself whether its time has come."""

    async def load(self) -> None:
        """Read what stands on the topic. Raises KafkaError."""
        self.take((await asyncio.to_thread(stored, self._kafka)).values())

    def take(self, silences: Iterable[Silence]) -> None:
        """Honour `silences` from now on, each instead of an earlier one of its id."""
        for silence in silences:
            try:
                self._written[silence.id] = Exemption.of(silence)
            except SettingsError as error:
                log.warning("silence_unreadable", silence=silence.id, reason=str(error)[:200])
        if len(self._written) > MOST:
            latest = sorted(self._written.values(), key=lambda each: each.silence.until)[-MOST:]
            self._written = {each.silence.id: each for each in latest}
        self.exemptions = (*self._declared, *self._written.values())

    async def follow(self) -> None:
        """Take what comes, for ever."""
        consumer = AIOKafkaConsumer(**broker.aiokafka_config(self._kafka), auto_offset_reset="earliest")
        place = TopicPartition(topics.FEEDBACK.name, 0)
        started = False
        try:
            while True:
                try:
                    if not started:
                        await consumer.start()
                        consumer.assign([place])
                        await consumer.seek_to_beginning(place)
                        started = True
                    came = (await consumer.getmany(place, timeout_ms=1000)).get(place, [])
                except ClientError:
                    await asyncio.sleep(AGAIN)
                    continue
                if came:
                    self.take(written((record.key, record.value) for record in came).values())
        finally:
            await consumer.stop()
