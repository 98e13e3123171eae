from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import pytest
from faust.types import TP
from prometheus_client import CollectorRegistry

from deepsentry import topics, wire
from deepsentry.metrics import Metrics
from deepsentry.sections import Kafka, Sequences
from deepsentry.settings import Settings
from streams import sessions
from streams.monitoring.health import Progress
from streams.monitoring.meter import Meter
from streams.scoring.score import Scorer
from streams.sessions import Sessions
from streams.transport.outbox import Outbox, Outgoing
from tests.builders import clean

IDLE = 10.0
SETTINGS = Settings(kafka=Kafka(bootstrap="127.0.0.1:1"), sequences=Sequences(idle=IDLE))
PLACE = TP(topics.CLEAN.name, 0)


class Broker(Outbox):
    """Takes what is published; answers what a consumer asks, unless it is away."""

    def __init__(self) -> None:
        super().__init__(SETTINGS.kafka)
        self.published: list[Outgoing] = []
        self.notes: dict[int, str] = {}
        self.answers = True
        self.end = 1
        self.raw = self.sanitized = 1

    async def publish(self, outgoing: Iterable[Outgoing]) -> None:
        self.published += outgoing

    async def ends(self) -> dict[int, int] | None:
        return {0: self.raw}

    async def passed(self, ends: dict[int, int]) -> bool:
        return self.sanitized >= ends[0]

    def note(self, _tp: TP, offset: int, text: str) -> None:
        self.notes[offset] = text

    def reaches_broker(self) -> bool:
        return self.answers

    async def highwaters(self, *partitions: TP) -> Mapping[TP, int]:
        return dict.fromkeys(partitions, self.end) if self.answers else {}


class Line:
    offset, timestamp, value = 0, 1_000_000, wire.encode(clean(0))
    headers = ()


class Time:
    now = 500.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture
async def running(monkeypatch: pytest.MonkeyPatch, broker: Broker, time: Time) -> Sessions:
    """One sequence is open, in a group that had committed nothing."""

    async def nothing(*_: object) -> None:
        return None

    monkeypatch.setattr(sessions.broker, "committed", nothing)
    meter = Meter("score", Metrics(CollectorRegistry()), Progress())
    scorer = Scorer(topics.CLEAN.name, lambda: datetime.now(UTC))
    running = Sessions(SETTINGS, "g", scorer, broker, meter, lambda: broker, time, broker)
    await running.take([(PLACE, [Line()])])  # type: ignore[list-item]
    return running


def closed(broker: Broker) -> list[str]:
    return [outgoing.topic for outgoing in broker.published]


async def test_a_chunk_leaves_the_place_of_a_replay_with_its_offset(running: Sessions, broker: Broker) -> None:
    assert running
    assert broker.notes[1].startswith('{"begin":0')


async def test_a_quiet_stream_closes_what_is_open_and_says_so_for_a_replay(
    running: Sessions, broker: Broker, time: Time
) -> None:
    time.now += IDLE + 1
    await running.tick()
    assert closed(broker) == [topics.SEQUENCES.name]


async def test_before_the_idle_time_nothing_closes(running: Sessions, broker: Broker, time: Time) -> None:
    time.now += IDLE - 1
    await running.tick()
    assert closed(broker) == []


async def test_with_lines_waiting_at_the_broker_nothing_closes(running: Sessions, broker: Broker, time: Time) -> None:
    broker.end = 2
    time.now += IDLE + 1
    await running.tick()
    assert closed(broker) == []


async def test_while_the_stage_before_has_lines_to_pass_on_nothing_closes(
    running: Sessions, broker: Broker, time: Time
) -> None:
    broker.raw = 2
    for _ in range(5):
        time.now += IDLE
        await running.tick()
    assert closed(broker) == []
    broker.sanitized = 2
    await running.tick()
    assert closed(broker) == [topics.SEQUENCES.name]


async def test_the_silence_of_a_broker_that_is_away_closes_nothing_not_even_when_it_is_back(
    running: Sessions, broker: Broker, time: Time
) -> None:
    broker.answers = False
    for _ in range(5):
        time.now += IDLE
        await running.tick()
    broker.answers = True
    time.now += 1
    await running.tick()
    assert closed(broker) == []
    time.now += IDLE
    await running.tick()
    assert closed(broker) == [topics.SEQUENCES.name]
