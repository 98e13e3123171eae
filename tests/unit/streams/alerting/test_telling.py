from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from deepsentry import topics, wire
from deepsentry.errors import DeliveryError, TargetAway
from deepsentry.events import Alert
from deepsentry.handling import Alerts as AlertSettings
from deepsentry.kafka import Stored
from deepsentry.metrics import Metrics
from deepsentry.sections import Kafka
from deepsentry.settings import Settings
from deepsentry.targets import Route
from streams.alerting.looking import Looking
from streams.alerting.telling import Telling
from streams.alerts.lifecycle import observe, tick
from streams.alerts.notice import Notice
from streams.alerts.notifiers.breaker import Breaker
from streams.alerts.notifiers.delivery import Surroundings
from streams.alerts.policy import Policy
from streams.alerts.routes import Routes
from streams.alerts.state import Alerts
from streams.monitoring.health import Progress
from streams.monitoring.meter import Meter
from streams.transport.outbox import Outbox, Outgoing
from tests.unit.streams.alerts.builders import START, anomaly

PARTITION = 2
SETTINGS = Settings(
    kafka=Kafka(bootstrap="127.0.0.1:1"),
    alerts=AlertSettings.model_validate(
        {
            "group_wait": 0,
            "targets": {"ear": {"kind": "webhook", "url": "https://example.com/", "patience": 100}},
        }
    ),
)


class Ear:
    """A target that hears everything; `answers` are raised in turn."""

    every = 60.0

    def __init__(self, *answers: Exception) -> None:
        self.answers = list(answers)
        self.heard: list[Notice] = []
        self.refreshed: list[str] = []

    async def notify(self, notice: Notice) -> str:
        if self.answers:
            raise self.answers.pop(0)
        self.heard.append(notice)
        return "heard"

    async def refresh(self, alerts: Sequence[Alert]) -> None:
        if self.answers:
            raise self.answers.pop(0)
        self.refreshed += [alert.id for alert in alerts]


class Letters(Outbox):
    """Keeps what is published."""

    def __init__(self) -> None:
        super().__init__(SETTINGS.kafka)
        self.sent: list[Outgoing] = []

    async def publish(self, outgoing: Iterable[Outgoing]) -> None:
        self.sent += outgoing


class World:
    """The time in which a target is told, and what came of it."""

    def __init__(self, ear: Ear, *routes: Route) -> None:
        self.now = START
        self.waits: list[float] = []
        self.letters = Letters()
        self.metrics = Metrics(CollectorRegistry())
        meter = Meter("alert", self.metrics, Progress())
        surroundings = Surroundings(lambda: self.now, self._sleep, lambda: 0.5)
        breaker = Breaker(ear, self.seconds)
        self.telling = Telling(
            SETTINGS,
            "ear",
            breaker,
            Routes(routes, ["ear"]),
            Looking(SETTINGS.kafka),
            self.letters,
            meter,
            surroundings,
            self.seconds,
        )

    def seconds(self) -> float:
        return (self.now - START).total_seconds()

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += timedelta(seconds=seconds)

    async def take(self, alerts: Sequence[Alert], begin: int = 0) -> None:
        for offset, alert in enumerate(alerts[begin:], begin):
            await self.telling.take(PARTITION, offset, alert)

    def count(self, outcome: str) -> float:
        value = self.metrics.registry.get_sample_value(
            "deepsentry_notifications_total", {"target": "ear", "outcome": outcome}
        )
        return value or 0.0


def life() -> list[Alert]:
    """Return what the topic gets of an alert that opens, grows twice and resolves."""
    state = Alerts(Policy())
    told: list[Alert] = []
    for number in range(3):
        state, updates = observe(state, anomaly(f"a{number}"), START)
        told += [update.alert for update in updates]
    _, updates = tick(state, START + timedelta(minutes=10))
    return told + [update.alert for update in updates]


@pytest.fixture
def topic(monkeypatch: pytest.MonkeyPatch) -> list[Alert]:
    """The alert topic as far as it goes; what a test takes away is not there yet."""
    alerts = life()

    def read(_kafka: Kafka, name: str, *, begin: dict[int, int]) -> Iterator[Stored]:
        assert (name, begin) == (topics.ALERTS.name, {PARTITION: 0})
        yield from (Stored(name, PARTITION, n, 0.0, b"", wire.encode(alert), ()) for n, alert in enumerate(alerts))

    monkeypatch.setattr("streams.alerting.raising.broker.read", read)
    return alerts


def away(wait: float) -> TargetAway:
    return TargetAway("alerts.targets.ear: gave up after 4 attempts: HTTP 500", wait)


async def test_a_growing_alert_is_told_once_and_told_again_when_it_is_over(topic: list[Alert]) -> None:
    ear = Ear()
    await World(ear).take(topic)
    assert [notice.occasion for notice in ear.heard] == ["opened", "resolved"]


async def test_a_worker_that_starts_anew_knows_what_was_told_before_its_place(topic: list[Alert]) -> None:
    ear = Ear()
    await World(ear).take(topic, begin=1)
    assert [notice.occasion for notice in ear.heard] == ["resolved"]


@pytest.mark.parametrize("crash", range(4))
async def test_after_a_crash_at_any_place_the_same_is_told_under_the_same_keys(topic: list[Alert], crash: int) -> None:
    whole, before, after = Ear(), Ear(), Ear()
    await World(whole).take(topic)
    await World(before).take(topic[: crash + 1])
    await World(after).take(topic, begin=crash)  # the last was told and not committed
    keys = [notice.key for notice in before.heard + after.heard]
    assert set(keys) == {notice.key for notice in whole.heard}
    assert len(keys) <= len(whole.heard) + 1


async def test_a_target_that_is_away_is_waited_for_and_nothing_is_lost(topic: list[Alert]) -> None:
    ear = Ear(away(20.0), away(30.0))
    world = World(ear)
    await world.take(topic)
    assert [notice.occasion for notice in ear.heard] == ["opened", "resolved"]
    assert world.waits == [20.0, 30.0]
    assert (world.count("deferred"), world.count("accepted"), world.count("failed")) == (2, 2, 0)
    assert world.letters.sent == []


async def test_a_notice_older_than_the_patience_with_its_target_is_a_dead_letter(topic: list[Alert]) -> None:
    ear = Ear(away(60.0), away(60.0))
    world = World(ear)
    await world.take(topic[:1])
    assert ear.heard == []
    [letter] = world.letters.sent
    headers = {name.removeprefix("__deepsentry.errors."): value.decode() for name, value in letter.headers}
    assert (letter.topic, headers["reason"], headers["stage"]) == (topics.REJECTED.name, "undeliverable", "notify:ear")
    assert headers["exception.message"] == "alerts.targets.ear: gave up after 4 attempts: HTTP 500"
    assert wire.decode(Alert, letter.value) == topic[0]
    assert world.count("failed") == 1


@pytest.mark.parametrize("error", [DeliveryError("alerts.targets.ear: refused with HTTP 400"), ZeroDivisionError()])
async def test_what_is_refused_and_what_a_defect_stops_is_a_dead_letter_at_once(
    topic: list[Alert], error: Exception
) -> None:
    ear = Ear(error)
    world = World(ear)
    await world.take(topic)
    assert [notice.occasion for notice in ear.heard] == ["resolved"]
    assert len(world.letters.sent) == 1
    assert world.waits == []


async def test_a_route_leads_to_other_targets(topic: list[Alert]) -> None:
    ear = Ear()
    await World(ear, Route(match=("service=other",), targets=("ear",)), Route(targets=())).take(topic)
    assert ear.heard == []


async def test_what_still_fires_is_said_again_when_it_is_due(topic: list[Alert]) -> None:
    ear = Ear()
    world = World(ear)
    last = topic.pop()

    async def places() -> dict[int, int]:
        return {PARTITION: 3}

    for seconds in (0, 59, 60):
        world.now = START + timedelta(seconds=seconds)
        await world.telling.refresh(places)
    assert ear.refreshed == [last.id] * 2, "a worker that just started knows from the topic what fires"

    await world.telling.take(PARTITION, 3, last)
    world.now += timedelta(minutes=5)
    await world.telling.refresh(places)
    assert len(ear.refreshed) == 2


async def test_a_refresh_that_fails_does_not_stop_the_telling(topic: list[Alert]) -> None:
    ear = Ear(away(1.0))
    world = World(ear)

    async def places() -> dict[int, int]:
        return {PARTITION: 1}

    await world.telling.refresh(places)
    await world.take(topic, begin=1)
    assert [notice.occasion for notice in ear.heard] == ["resolved"]


async def test_the_delay_is_counted_from_the_change_of_the_alert(topic: list[Alert]) -> None:
    world = World(Ear())
    world.now += timedelta(seconds=4)
    await world.take([msgspec.structs.replace(topic[0], updated_at=START)])
    name, labels = "deepsentry_notification_delay_seconds_sum", {"target": "ear"}
    assert world.metrics.registry.get_sample_value(name, labels) == 4.0
