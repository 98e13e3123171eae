"""What every notifier promises, whichever target it tells; each against a server that speaks its protocol."""

import asyncio
import io
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import msgspec
import pytest
from rich.console import Console

from deepsentry.errors import DeliveryError, TargetAway
from deepsentry.targets import Target, Terminal
from streams.alerting.receipts import HeldReceipts
from streams.alerts.notice import Notice
from streams.alerts.notifiers.compose import build
from streams.alerts.notifiers.delivery import ATTEMPTS, Surroundings
from streams.alerts.notifiers.notifier import Notifier
from tests.contracts.listeners import LISTENERS, Behaviour, Listener
from tests.unit.streams.alerts.builders import START, alert, hostile


@dataclass(frozen=True)
class Case:
    notifier: Notifier
    listener: Listener
    waits: list[float]


def notifier_of(target: Target, waits: list[float]) -> Notifier:
    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    surroundings = Surroundings(
        lambda: START + timedelta(minutes=10), sleep, lambda: 0.5, source="/deepsentry", host="worker-1"
    )
    return build({"mine": target}, Console(), surroundings, HeldReceipts(), time.monotonic)["mine"]


@pytest.fixture(params=LISTENERS)
async def case(request: pytest.FixtureRequest) -> AsyncIterator[Case]:
    async with LISTENERS[request.param]() as listener:
        waits: list[float] = []
        yield Case(notifier_of(listener.target, waits), listener, waits)


async def arrived(listener: Listener, count: int) -> None:
    """Wait for what has no answer."""
    for _ in range(500):
        if len(listener.told) >= count:
            return
        await asyncio.sleep(0.01)
    pytest.fail("it did not arrive")


def able(case: Case, *behaviours: Behaviour) -> list[Behaviour]:
    found = [behaviour for behaviour in behaviours if behaviour in case.listener.can]
    if not found:
        pytest.skip("its protocol has no such answer")
    return found


def repeated(first: Notice) -> Notice:
    later = msgspec.structs.replace(first.alert, count=9, updated_at=first.alert.updated_at + timedelta(hours=4))
    return Notice(later, "repeated")


async def test_an_alert_is_told_and_told_again_and_told_to_be_over(case: Case) -> None:
    first = alert()
    for notice in (first, repeated(first), alert("resolved")):
        await case.notifier.notify(notice)
    await arrived(case.listener, 3)
    assert [told.status for told in case.listener.told] == ["firing", "firing", "resolved"]


async def test_the_same_notice_has_the_same_key_however_often_it_comes(case: Case) -> None:
    for _ in range(2):
        await case.notifier.notify(alert())
    await arrived(case.listener, 2)
    assert len(set(case.listener.tried)) == 1


async def test_a_hostile_alert_arrives_and_is_harmless(case: Case) -> None:
    await case.notifier.notify(hostile())
    await arrived(case.listener, 1)  # the receiver looked at it


async def test_what_may_pass_is_tried_again_under_the_same_key(case: Case) -> None:
    for behaviour in able(case, "busy", "failing", "closing"):
        case.listener.misbehave(behaviour, 2)
        before = len(case.listener.tried)
        await case.notifier.notify(alert())
        assert len(case.listener.tried) == before + 3
    assert len(set(case.listener.tried)) == 1
    assert len(case.waits) == 2 * len(able(case, "busy", "failing", "closing"))


async def test_what_does_not_pass_is_given_up_and_may_be_tried_later(case: Case) -> None:
    behaviour = able(case, "failing", "closing")[0]
    case.listener.misbehave(behaviour, ATTEMPTS)
    with pytest.raises(TargetAway, match=r"^alerts\.targets\.mine: gave up after 4 attempts: ") as raised:
        await case.notifier.notify(alert())
    assert raised.value.wait > 0
    assert case.listener.told == []


async def test_a_refusal_is_not_tried_again(case: Case) -> None:
    [behaviour] = able(case, "refusing")
    case.listener.misbehave(behaviour, 1)
    with pytest.raises(DeliveryError, match=r"^alerts\.targets\.mine: ") as raised:
        await case.notifier.notify(alert())
    assert not isinstance(raised.value, TargetAway)
    assert len(case.listener.tried) == 1
    assert case.waits == []


async def test_a_target_that_says_nothing_is_left_after_its_timeout(case: Case) -> None:
    [behaviour] = able(case, "silent")
    case.listener.misbehave(behaviour, ATTEMPTS)
    quick = notifier_of(case.listener.target.model_copy(update={"timeout": 0.2}), [])
    with pytest.raises(TargetAway, match=r"no answer within 0\.2 s$"):
        await quick.notify(alert())


@pytest.mark.parametrize("kind", LISTENERS)
async def test_a_target_that_is_down_is_said_without_its_secrets(kind: str) -> None:
    async with LISTENERS[kind]() as listener:
        target = listener.target
    with pytest.raises(TargetAway, match=r"^alerts\.targets\.mine: gave up after 4 attempts: no ") as raised:
        await notifier_of(target, []).notify(alert())
    assert "hook" not in str(raised.value)


@pytest.mark.parametrize("kind", LISTENERS)
async def test_a_private_address_is_refused_unless_it_is_allowed(kind: str) -> None:
    async with LISTENERS[kind]() as listener:
        target = listener.target.model_copy(update={"allow_private": False})
        with pytest.raises(DeliveryError, match=r"set alerts\.targets\.mine\.allow_private = true"):
            await notifier_of(target, []).notify(alert())
        assert listener.tried == []


async def test_a_terminal_shows_it_and_one_that_is_gone_is_a_delivery_error() -> None:
    file = io.StringIO()
    [notifier] = build(
        {"screen": Terminal(kind="terminal")},
        Console(file=file, width=100),
        Surroundings(lambda: START),
        HeldReceipts(),
        time.monotonic,
    ).values()
    for notice in (alert(), alert("resolved"), hostile()):
        await notifier.notify(notice)
    assert file.getvalue().count("look closer") == 3
    file.close()
    with pytest.raises(DeliveryError):
        await notifier.notify(alert())
