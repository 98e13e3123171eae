"""Shell around the alert state: anomalies become alerts on their topic, from where people are told (telling.py).

The state is rebuilt from the alert topic. An alert stands in the partition of its anomalies, so one worker has both.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from datetime import datetime

import msgspec

from deepsentry import kafka as broker
from deepsentry import logs, topics, wire
from deepsentry.errors import WireError
from deepsentry.events import Alert, Anomaly
from deepsentry.settings import Settings
from streams.alerting.silencing import Silencing
from streams.alerts.incident import adopted
from streams.alerts.lifecycle import observe, tick
from streams.alerts.notice import Update, coalesce
from streams.alerts.policy import Policy
from streams.alerts.state import Alerts, key_of, restore
from streams.monitoring.meter import Meter
from streams.transport.cloudevents import headers
from streams.transport.outbox import Outbox, Outgoing

log = logs.get("alerting")


class Raising:
    """Turns anomalies into alerts and publishes them."""

    def __init__(
        self, settings: Settings, silencing: Silencing, outbox: Outbox, meter: Meter, clock: Callable[[], datetime]
    ) -> None:
        self._settings = settings
        self._silencing = silencing
        self._outbox = outbox
        self._meter = meter
        self._clock = clock
        self._states: dict[int, Alerts] = {}
        self._lock = asyncio.Lock()

    async def assigned(self, partitions: Collection[int]) -> None:
        """Rebuild the state of `partitions` and forget the others."""
        async with self._lock:
            if partitions:  # what is silenced must not be told because we started
                await self._silencing.load()
            self._states = {
                partition: await asyncio.to_thread(resumed, self._settings, partition) for partition in partitions
            }

    async def take(self, partition: int, placed: Iterable[tuple[int, Anomaly]]) -> None:
        """Count anomalies, each at its offset, and publish the alerts that they opened or changed."""
        async with self._lock:
            state = self._states.get(partition)
            if state is None:
                await self._silencing.load()
                state = await asyncio.to_thread(resumed, self._settings, partition)
            updates: list[Update] = []
            for offset, anomaly in placed:
                state, changed = observe(state, anomaly, self._clock(), self._silencing.exemptions, offset)
                updates.extend(changed)
            await self._publish(partition, state, updates)

    async def tick(self) -> None:
        """Tell what waited for long enough, and resolve what was quiet for long enough, or is silenced."""
        async with self._lock:
            for partition, state in list(self._states.items()):
                after, updates = tick(state, self._clock(), self._silencing.exemptions)
                await self._publish(partition, after, updates)

    async def _publish(self, partition: int, state: Alerts, updates: list[Update]) -> None:
        # the topic is the memory: the state moves on only when the broker has it
        changed = coalesce(updates)
        await self._outbox.publish(_outgoing(update.alert, partition) for update in changed)
        self._states[partition] = state
        self._meter.alerted(changed)


def resumed(settings: Settings, partition: int) -> Alerts:
    """Return the state that a worker goes on with.

    Where the anomalies topic was made anew, its offsets say nothing of what was counted.
    """
    state = adopted(alerts_of(settings, partition))
    end = broker.end_offsets(settings.kafka, topics.ANOMALIES.name).get(partition, 0)
    if all(alert.offset < end for alert in state.groups.values()):
        return state
    log.warning("offsets_begin_again", topic=topics.ANOMALIES.name, partition=partition)
    groups = {key: msgspec.structs.replace(alert, offset=-1) for key, alert in state.groups.items()}
    return replace(state, groups=groups)


def alerts_of(settings: Settings, partition: int, before: int | None = None) -> Alerts:
    """Return the state that the alert topic's `partition` tells, up to the offset `before` where one is given."""
    policy = Policy.of(settings.alerts)
    if before == 0:
        return Alerts(policy)
    return restore(policy, stored(settings, partition, before))


def stored(settings: Settings, partition: int, before: int | None) -> Iterator[Alert]:
    """Yield what the alert topic's `partition` holds, oldest first, up to the offset `before` where one is given."""
    for message in broker.read(settings.kafka, topics.ALERTS.name, begin={partition: 0}):
        if before is not None and message.offset >= before:
            return
        if message.value:
            try:
                yield wire.decode(Alert, message.value)
            except WireError:
                log.warning("alert_unreadable", partition=partition, offset=message.offset)


def _outgoing(alert: Alert, partition: int) -> Outgoing:
    told = f".{alert.told_at.timestamp():.6f}" if alert.told_at else ""
    identity = f"{alert.id}.{alert.count}.{alert.status}{told}"
    return Outgoing(
        topics.ALERTS.name,
        key_of(alert).encode(),
        wire.encode(alert),
        headers("alert.changed", "alert", identity, alert.updated_at),
        partition,
    )
