"""Shell: which silences and verdicts stand now; those of the feedback topic within seconds, the others are settings."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError as ClientError

from deepsentry import feedback, logs, topics, wire
from deepsentry import kafka as broker
from deepsentry.errors import SettingsError, WireError
from deepsentry.events import Silence, Verdict
from deepsentry.sections import Kafka
from deepsentry.settings import Settings
from streams.alerts import judged
from streams.alerts.exemption import Exemption, Exemptions, Exempts, declared

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


Record = tuple[bytes | None, bytes | None]
"""Key and value."""


def written(records: Iterable[Record]) -> dict[str, Silence]:
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


def _records(kafka: Kafka) -> list[Record]:
    return [(record.key, record.value) for record in broker.read(kafka, topics.FEEDBACK.name)]


class Silencing:
    """The exemptions of an alert worker."""

    def __init__(self, settings: Settings) -> None:
        """Raises SettingsError where a declared silence has a condition that is none."""
        self._kafka = settings.kafka
        self._declared = tuple(Exemption.of(silence) for silence in declared(settings.alerts.silences))
        self._written: dict[str, Exemption] = {}
        self._verdicts: dict[str, Verdict] = {}
        self._days = settings.alerts.verdict_days
        self._judged = judged.Judged((), self._days)
        self.exemptions: tuple[Exempts, ...] = self._declared
        """All of them; an exemption knows by itself whether its time has come."""

    async def load(self) -> None:
        """Read what stands on the topic. Raises KafkaError."""
        self.hear(await asyncio.to_thread(_records, self._kafka))

    def hear(self, records: Sequence[Record]) -> None:
        """Honour what `records` of the feedback topic say."""
        verdicts = feedback.written(records)
        if verdicts:
            self._verdicts |= verdicts
            if len(self._verdicts) > 2 * judged.MOST:
                newest = sorted(self._verdicts.values(), key=lambda each: each.at)[-judged.MOST :]
                self._verdicts = {each.anomaly: each for each in newest}
            self._judged = judged.Judged(self._verdicts.values(), self._days)
        self.take(written(records).values())

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
        self.exemptions = (*self._declared, Exemptions(self._written.values()), self._judged)

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
                    self.hear([(record.key, record.value) for record in came])
        finally:
            await consumer.stop()
