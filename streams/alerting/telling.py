"""Shell: one target is told what the alert topic says, until it takes it or is given up."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Final

from deepsentry import logs, topics, wire
from deepsentry.errors import DeliveryError, TargetAway
from deepsentry.events import Alert, Context, Position, Rejected
from deepsentry.settings import Settings
from streams.alerting.looking import Looking
from streams.alerting.raising import alerts_of, stored
from streams.alerts.audience import Audience, hear, missed
from streams.alerts.notice import Notice, Occasion
from streams.alerts.notifiers.breaker import Breaker
from streams.alerts.notifiers.delivery import Surroundings
from streams.alerts.routes import Routes
from streams.deadletters.quarantine import quarantine
from streams.monitoring.meter import Meter
from streams.shippers import Record
from streams.transport.outbox import Outbox

MISSED: Final = 1000

log = logs.get("telling")


class Telling:
    """Tells one target, in the order of the topic, under the same key however often it is tried."""

    def __init__(
        self,
        settings: Settings,
        name: str,
        notifier: Breaker,
        routes: Routes,
        looking: Looking,
        outbox: Outbox,
        meter: Meter,
        surroundings: Surroundings,
        monotonic: Callable[[], float],
    ) -> None:
        self.name = name
        self._settings = settings
        self._patience = settings.alerts.targets[name].patience
        self._notifier = notifier
        self._routes = routes
        self._looking = looking
        self._outbox = outbox
        self._meter = meter
        self._surroundings = surroundings
        self._monotonic = monotonic
        self._audiences: dict[int, Audience] = {}
        self._refreshed_at = float("-inf")
        self._missed: dict[str, None] = {}
        """Ids of alerts that were given up, the newest MISSED: when they change, they are tried once."""

    def forget(self) -> None:
        """Rebuild what the target was told, partition by partition, when the next alert comes."""
        self._audiences = {}

    async def take(self, partition: int, offset: int, alert: Alert) -> bool:
        """Tell the target of `alert` where that is due, and return whether it was; returns when it took or lost it."""
        audience, occasion = hear(await self._audience(partition, offset), alert, self._wanted)
        self._audiences[partition] = audience
        if occasion is None:
            if (
                alert.status == "pending"
                and not alert.incident
                and self._notifier.shows_context
                and self._wanted(alert)
            ):
                self._looking.prepare(alert)
            return False
        links = self._surroundings.asking.links(alert, self.name)
        notice = Notice(alert, occasion, await self._around(alert, occasion), links)
        position = Position(topics.ALERTS.name, partition, offset)
        told = await (self._try(notice) if alert.id in self._missed else self._tell(notice, position))
        if told:
            self._missed.pop(alert.id, None)
        elif partition in self._audiences:  # else it went to another member, who tells the rest
            self._audiences[partition] = missed(audience, alert)
        return True

    async def _around(self, alert: Alert, occasion: Occasion) -> Context | None:
        if occasion in {"opened", "escalated"} and self._notifier.shows_context:
            return await self._looking.context(alert)
        return None

    async def refresh(self, places: Callable[[], Awaitable[Mapping[int, int]]]) -> None:
        """Say what still fires to a target that forgets, when that is due; `places`: partition -> its next offset."""
        if self._monotonic() - self._refreshed_at < self._notifier.every:
            return
        self._refreshed_at = self._monotonic()
        audiences = [await self._audience(partition, offset) for partition, offset in (await places()).items()]
        alerts = [alert for audience in audiences for alert in audience.firing()]
        if not alerts:
            return
        try:
            await self._notifier.refresh(alerts)
        except DeliveryError as error:
            log.warning("refresh_failed", target=self.name, alerts=len(alerts), reason=str(error))

    async def _audience(self, partition: int, offset: int) -> Audience:
        if partition not in self._audiences:
            self._audiences[partition] = await asyncio.to_thread(self._restored, partition, offset)
        return self._audiences[partition]

    def _restored(self, partition: int, before: int) -> Audience:
        audience = Audience(alerts_of(self._settings, partition, 0))
        if before:
            for alert in stored(self._settings, partition, before):
                audience, _ = hear(audience, alert, self._wanted)
        return audience

    def _wanted(self, alert: Alert) -> bool:
        return self._routes.reach(self.name, alert)

    async def _try(self, notice: Notice) -> bool:
        """Tell what was given up before, without another dead letter; return whether it was taken."""
        try:
            await self._notifier.notify(notice)
        except Exception as error:  # noqa: BLE001 - as below
            log.info("notification_missed_again", target=self.name, alert=notice.alert.id, error=type(error).__name__)
            return False
        self._meter.accepted(self.name, self._age(notice.alert.updated_at))
        return True

    async def _tell(self, notice: Notice, position: Position) -> bool:
        """Tell the target, with all patience; return False where it was away for longer than that."""
        changed_at = notice.alert.updated_at
        while True:
            try:
                await self._notifier.notify(notice)
            except TargetAway as error:
                if self._age(changed_at) + error.wait > self._patience:
                    await self._give_up(notice, position, error)
                    self._miss(notice.alert)
                    return False
                self._meter.notified(self.name, "deferred")
                log.warning("notification_deferred", target=self.name, alert=notice.alert.id, reason=str(error))
                await self._surroundings.sleep(error.wait)
            except DeliveryError as error:
                await self._give_up(notice, position, error)
                return True
            except Exception as error:  # noqa: BLE001 - a defect of one notifier, or of a plug-in, is no other target's
                await self._give_up(notice, position, DeliveryError(f"its notifier failed with {type(error).__name__}"))
                return True
            else:
                self._meter.accepted(self.name, self._age(changed_at))
                return True

    def _miss(self, alert: Alert) -> None:
        self._missed[alert.id] = None
        while len(self._missed) > MISSED:
            del self._missed[next(iter(self._missed))]

    def _age(self, moment: datetime) -> float:
        return (self._surroundings.now() - moment).total_seconds()

    async def _give_up(self, notice: Notice, position: Position, error: DeliveryError) -> None:
        log.warning("notification_failed", target=self.name, alert=notice.alert.id, reason=str(error))
        self._meter.notified(self.name, "failed")
        key, value = notice.alert.fingerprint.encode(), wire.encode(notice.alert)
        record = Record(value, key, (), notice.alert.updated_at.timestamp(), topics.ALERTS.name)
        rejected = Rejected("undeliverable", str(error))
        await self._outbox.publish([quarantine(record, position, rejected, f"notify:{self.name}")])
