"""What every notifier promises, whichever target it tells."""

import io
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from aiohttp import web
from pydantic import SecretStr
from rich.console import Console

from deepsentry.errors import DeliveryError
from deepsentry.settings import Target
from streams.alerts.notifiers.compose import build
from streams.alerts.notifiers.notifier import Notifier
from streams.alerts.notifiers.webhook import Surroundings
from tests.unit.alerts.builders import alert, hostile
from tests.unit.alerts.receiver import receiving


@dataclass(frozen=True)
class Case:
    notifier: Notifier
    accepted: Callable[[], int]
    """Notices that arrived at the target."""
    fail: Callable[[], None]
    """From now on the target refuses."""


async def no_wait(_: float) -> None:
    pass


@pytest.fixture(params=["terminal", "webhook"])
async def case(request: pytest.FixtureRequest) -> AsyncIterator[Case]:
    file = io.StringIO()
    async with receiving() as receiver:
        target = Target(kind=request.param, url=SecretStr(receiver.url), allow_private=True)
        [notifier] = build(
            {"mine": target},
            "/deepsentry/test/alerts",
            Console(file=file, width=100),
            Surroundings(now=lambda: datetime.now(UTC), sleep=no_wait),
            time.monotonic,
        ).values()
        if request.param == "terminal":
            yield Case(notifier, lambda: file.getvalue().count("look closer"), file.close)
        else:
            refuse = web.Response(status=400)
            yield Case(notifier, lambda: len(receiver.received), lambda: receiver.answers.append(refuse))


async def test_a_notice_arrives(case: Case) -> None:
    await case.notifier.notify(alert("opened"))
    await case.notifier.notify(alert("resolved"))
    assert case.accepted() == 2


async def test_a_target_that_does_not_take_it_is_a_delivery_error(case: Case) -> None:
    case.fail()
    with pytest.raises(DeliveryError):
        await case.notifier.notify(alert())


async def test_a_hostile_alert_arrives_as_well(case: Case) -> None:
    await case.notifier.notify(hostile())
    assert case.accepted() == 1
