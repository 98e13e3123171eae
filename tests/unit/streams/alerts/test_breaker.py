from dataclasses import dataclass, field

import pytest

from deepsentry.errors import DeliveryError, TargetAway
from streams.alerts.notice import Notice
from streams.alerts.notifiers.breaker import FAILURES, REST, Breaker
from tests.unit.streams.alerts.builders import alert

NOTICE = alert()


@dataclass
class Target:
    """Refuses while `down`, and counts who knocked."""

    down: bool = True
    tried: int = 0
    told: list[str] = field(default_factory=list)

    async def notify(self, notice: Notice) -> str:
        self.tried += 1
        if self.down:
            message = "no answer"
            raise TargetAway(message, 1.0)
        self.told.append(notice.key)
        return "ok"


async def attempt(breaker: Breaker) -> str:
    try:
        await breaker.notify(NOTICE)
    except DeliveryError as error:
        return str(error)
    return "told"


@pytest.fixture
def clock() -> list[float]:
    return [0.0]


async def test_a_target_that_keeps_failing_is_left_alone(clock: list[float]) -> None:
    target = Target()
    breaker = Breaker(target, lambda: clock[0])
    answers = [await attempt(breaker) for _ in range(FAILURES + 2)]
    assert target.tried == FAILURES
    assert answers[-1] == "failed 3 times in a row; tried again in 60 s"


async def test_after_its_rest_it_is_tried_once_and_rests_again(clock: list[float]) -> None:
    target = Target()
    breaker = Breaker(target, lambda: clock[0])
    for _ in range(FAILURES):
        await attempt(breaker)
    clock[0] = REST
    answers = [await attempt(breaker) for _ in range(2)]
    assert answers == ["no answer", "failed 4 times in a row; tried again in 60 s"]
    assert target.tried == FAILURES + 1


async def test_a_target_that_recovered_is_told_all_again(clock: list[float]) -> None:
    target = Target()
    breaker = Breaker(target, lambda: clock[0])
    for _ in range(FAILURES):
        await attempt(breaker)
    clock[0], target.down = REST, False
    assert [await attempt(breaker) for _ in range(3)] == ["told"] * 3
    assert target.told == [NOTICE.key] * 3


async def test_failures_that_are_not_in_a_row_do_not_count(clock: list[float]) -> None:
    target = Target()
    breaker = Breaker(target, lambda: clock[0])
    for down in [True, True, False, True, True, False]:
        target.down = down
        await attempt(breaker)
    assert target.tried == 6


class Refuser:
    """Refuses everything for good."""

    tried = 0

    async def notify(self, notice: Notice) -> str:
        self.tried += 1
        message = f"refused {notice.occasion}"
        raise DeliveryError(message)


async def test_a_target_that_refuses_is_there_and_is_tried_each_time(clock: list[float]) -> None:
    target = Refuser()
    breaker = Breaker(target, lambda: clock[0])
    assert [await attempt(breaker) for _ in range(FAILURES + 2)] == ["refused opened"] * (FAILURES + 2)
    assert target.tried == FAILURES + 2


async def test_how_long_it_rests_is_said(clock: list[float]) -> None:
    breaker = Breaker(Target(), lambda: clock[0])
    for _ in range(FAILURES):
        await attempt(breaker)
    with pytest.raises(TargetAway) as raised:
        await breaker.notify(NOTICE)
    assert raised.value.wait == REST
