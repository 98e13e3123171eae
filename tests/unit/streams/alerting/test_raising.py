from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from deepsentry import topics, wire
from deepsentry.events import Alert, Anomaly
from deepsentry.handling import Alerts as AlertSettings
from deepsentry.kafka import Stored
from deepsentry.metrics import Metrics
from deepsentry.sections import Kafka
from deepsentry.settings import Settings
from streams.alerting.raising import Raising, alerts_of
from streams.alerting.silencing import Silencing
from streams.monitoring.health import Progress
from streams.monitoring.meter import Meter
from streams.transport.outbox import Outbox, Outgoing
from tests.unit.streams.alerts.builders import START, anomaly

SETTINGS = Settings(kafka=Kafka(bootstrap="127.0.0.1:1"), alerts=AlertSettings(quiet=60.0, group_wait=0.0))


class Topic(Outbox):
    """The alert topic: what is published stands there to be read."""

    def __init__(self) -> None:
        super().__init__(SETTINGS.kafka)
        self.records: list[Stored] = []
        self.end = 100
        """Of the anomalies topic."""

    async def publish(self, outgoing: Iterable[Outgoing]) -> None:
        for each in outgoing:
            offset = len(self.records)
            headers = tuple(each.headers)
            self.records.append(
                Stored(each.topic, each.partition or 0, offset, 0.0, each.key or b"", each.value, headers)
            )

    def alerts(self) -> list[Alert]:
        return [wire.decode(Alert, record.value) for record in self.records]


class Time:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def topic(monkeypatch: pytest.MonkeyPatch) -> Topic:
    topic = Topic()

    def read(_kafka: Kafka, name: str, *, begin: dict[int, int] | None = None) -> Iterator[Stored]:
        found = {topics.ALERTS.name: topic.records, topics.FEEDBACK.name: []}[name]
        yield from (record for record in found if begin is None or record.partition in begin)

    monkeypatch.setattr("streams.alerting.raising.broker.read", read)
    monkeypatch.setattr("streams.alerting.raising.broker.end_offsets", lambda *_: {1: topic.end, 2: topic.end})
    return topic


@pytest.fixture
def time() -> Time:
    return Time()


def raising(topic: Topic, time: Time) -> Raising:
    return Raising(SETTINGS, Silencing(SETTINGS), topic, meter(), time)


def meter() -> Meter:
    return Meter("alert", Metrics(CollectorRegistry()), Progress())


def placed(*names: str, begin: int = 0) -> list[tuple[int, Anomaly]]:
    return [(offset, strange(name)) for offset, name in enumerate(names, begin)]


def strange(name: str, **changes: object) -> Anomaly:
    return anomaly(name, partition=2, **changes)


async def test_an_alert_stands_in_the_partition_of_its_anomalies_and_says_what_it_is(topic: Topic, time: Time) -> None:
    await raising(topic, time).take(2, placed("a1", "a2"))
    [record] = topic.records
    assert (record.topic, record.partition, record.key) == (topics.ALERTS.name, 2, strange("a1").fingerprint.encode())
    assert dict(record.headers)["ce_type"] == b"io.deepsentry.alert.changed.v1"
    assert topic.alerts()[0].anomaly_ids == ("a1", "a2")


async def test_a_worker_that_starts_anew_goes_on_with_the_alerts_of_the_topic(topic: Topic, time: Time) -> None:
    await raising(topic, time).take(2, placed("a1"))
    again = raising(topic, time)
    await again.assigned([2])
    await again.take(2, placed("a1", "a2"))
    first, second = topic.alerts()
    assert (second.id, second.count) == (first.id, 2)


async def test_where_the_anomalies_topic_was_made_anew_what_comes_is_counted(topic: Topic, time: Time) -> None:
    await raising(topic, time).take(2, placed("a1", begin=50))
    topic.end = 1
    again = raising(topic, time)
    await again.assigned([2])
    await again.take(2, placed("a2"))
    assert topic.alerts()[-1].count == 2


async def test_what_comes_before_the_assignment_was_seen_is_restored_as_well(topic: Topic, time: Time) -> None:
    await raising(topic, time).take(2, placed("a1"))
    await raising(topic, time).take(2, placed("a1"))
    assert len(topic.records) == 1


async def test_quiet_alerts_resolve(topic: Topic, time: Time) -> None:
    running = raising(topic, time)
    await running.take(2, placed("a1"))
    time.now += timedelta(seconds=59)
    await running.tick()
    time.now += timedelta(seconds=2)
    await running.tick()
    assert [alert.status for alert in topic.alerts()] == ["firing", "resolved"]


async def test_partitions_that_went_away_are_not_ticked(topic: Topic, time: Time) -> None:
    running = raising(topic, time)
    await running.take(2, placed("a1"))
    await running.assigned([1])
    time.now += timedelta(hours=1)
    await running.tick()
    assert [alert.status for alert in topic.alerts()] == ["firing"]


async def test_what_another_program_wrote_on_the_alert_topic_is_passed_over(topic: Topic, time: Time) -> None:
    await raising(topic, time).take(2, placed("a1"))
    odd = [topic.records[0]._replace(value=value, offset=n) for n, value in enumerate([b"{}", b"\xff", b""], 1)]
    topic.records += odd
    assert len(alerts_of(SETTINGS, 2).groups) == 1
    assert len(alerts_of(SETTINGS, 1).groups) == 0


def test_before_the_first_record_nothing_is_read() -> None:
    assert alerts_of(SETTINGS, 2, 0).groups == {}


def test_an_alert_of_a_later_release_reads_as_ours() -> None:
    data = wire.encode(msgspec.structs.replace(anomaly("a1")))
    assert wire.decode(Anomaly, data[:-1] + b',"mood":"odd"}').id == "a1"
