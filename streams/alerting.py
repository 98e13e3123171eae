"""Shell around the alert state: anomalies become alerts on their topic, and from there people are told.

Both states are rebuilt from the alert topic. An alert stands in the partition of its anomalies, so that one worker has
both; what a target does not take goes to the rejected topic with the reason.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from deepsentry import kafka as broker
from deepsentry import logs, topics, wire
from deepsentry.errors import DeliveryError, WireError
from deepsentry.events import Alert, Anomaly, Position, Rejected
from deepsentry.settings import Settings
from streams.alerts.lifecycle import Alerts, Policy, follow, observe, restore, tick
from streams.alerts.notice import Notice, Update, coalesce
from streams.alerts.notifiers.notifier import Notifier
from streams.cloudevents import headers
from streams.meter import Meter
from streams.outbox import Outbox, Outgoing
from streams.quarantine import quarantine
from streams.shippers import Record

log = logs.get("alerting")


class Raising:
    """Turns anomalies into alerts and publishes them."""

    def __init__(self, settings: Settings, outbox: Outbox, meter: Meter, clock: Callable[[], datetime]) -> None:
        self._settings = settings
        self._outbox = outbox
        self._meter = meter
        self._clock = clock
        self._states: dict[int, Alerts] = {}
        self._lock = asyncio.Lock()

    async def assigned(self, partitions: Iterable[int]) -> None:
        """Rebuild the state of `partitions` and forget the others."""
        async with self._lock:
            self._states = {
                partition: await asyncio.to_thread(alerts_of, self._settings, partition) for partition in partitions
            }

    async def take(self, partition: int, anomalies: Iterable[Anomaly]) -> None:
        """Count `anomalies` and publish the alerts that they opened or changed."""
        async with self._lock:
            state = self._states.get(partition)
            if state is None:
                state = await asyncio.to_thread(alerts_of, self._settings, partition)
            updates: list[Update] = []
            for anomaly in anomalies:
                state, changed = observe(state, anomaly, self._clock())
                updates.extend(changed)
            await self._publish(partition, state, updates)

    async def tick(self) -> None:
        """Resolve what was quiet for long enough."""
        async with self._lock:
            for partition, state in list(self._states.items()):
                after, updates = tick(state, self._clock())
                await self._publish(partition, after, updates)

    async def _publish(self, partition: int, state: Alerts, updates: list[Update]) -> None:
        # the topic is the memory: the state moves on only when the broker has it
        changed = coalesce(updates)
        await self._outbox.publish(_outgoing(update.alert, partition) for update in changed)
        self._states[partition] = state
        self._meter.alerted(changed)


class Telling:
    """Tells people what the alert topic says, one target beside the other."""

    def __init__(
        self,
        settings: Settings,
        targets: Mapping[str, Notifier],
        outbox: Outbox,
        meter: Meter,
    ) -> None:
        self._settings = settings
        self._targets = targets
        self._outbox = outbox
        self._meter = meter
        self._states: dict[int, Alerts] = {}

    def forget(self) -> None:
        """Rebuild what was told, partition by partition, when the next alert comes."""
        self._states = {}

    async def take(self, partition: int, records: Iterable[tuple[int, Alert]]) -> None:
        """Tell what is to be told of alerts at the given offsets; returns when each target took or refused it."""
        for offset, alert in records:
            state = self._states.get(partition)
            if state is None:
                state = await asyncio.to_thread(alerts_of, self._settings, partition, offset)
            self._states[partition], occasion = follow(state, alert)
            if occasion is not None:
                notice = Notice(alert, occasion)
                position = Position(topics.ALERTS.name, partition, offset)
                await asyncio.gather(*(self._tell(name, notice, position) for name in self._targets))

    async def _tell(self, name: str, notice: Notice, position: Position) -> None:
        try:
            await self._targets[name].notify(notice)
        except DeliveryError as error:
            log.warning("notification_failed", target=name, alert=notice.alert.id, reason=str(error))
            self._meter.notified(name, "failed")
            key, value = notice.alert.fingerprint.encode(), wire.encode(notice.alert)
            record = Record(value, key, (), notice.alert.updated_at.timestamp(), topics.ALERTS.name)
            rejected = Rejected("undeliverable", str(error))
            await self._outbox.publish([quarantine(record, position, rejected, f"notify:{name}")])
        else:
            self._meter.notified(name, "accepted")


def alerts_of(settings: Settings, partition: int, before: int | None = None) -> Alerts:
    """Return the state that the alert topic's `partition` tells, up to the offset `before` where one is given."""
    policy = Policy(quiet=settings.alerts.quiet)
    if before == 0:
        return Alerts(policy)
    return restore(policy, _stored(settings, partition, before))


def _stored(settings: Settings, partition: int, before: int | None) -> Iterable[Alert]:
    for message in broker.read(settings.kafka, topics.ALERTS.name, begin={partition: 0}):
        if before is not None and message.offset >= before:
            return
        if message.value:
            try:
                yield wire.decode(Alert, message.value)
            except WireError:
                log.warning("alert_unreadable", partition=partition, offset=message.offset)


def _outgoing(alert: Alert, partition: int) -> Outgoing:
    identity = f"{alert.id}.{alert.count}.{alert.status}"
    return Outgoing(
        topics.ALERTS.name,
        alert.fingerprint.encode(),
        wire.encode(alert),
        headers("alert.changed", "alert", identity, alert.updated_at),
        partition,
    )
