"""The server does what its schema says, whoever asks: schemathesis against the real servers, five callers.

`make conformance` asks more: CASES=5000 in all. What it prints can be asked again by the same SEED.
"""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from api.app import create_app
from api.auth import keys
from api.parts import utc_now
from deepsentry.control import Api, Mongo, Redis
from deepsentry.local import LocalKafka
from deepsentry.settings import Settings
from tests.integration.api.conform.asking import Asking, Found, archives
from tests.integration.api.conform.callers import KINDS, Caller, caller
from tests.integration.api.conform.given import Known, known
from tests.integration.api.conform.rights import OF
from tests.integration.api.conform.served import served
from tests.integration.api.house import House
from tests.integration.stream import Stream

CASES = int(os.environ.get("CASES", "100"))
SEED = int(os.environ.get("SEED", "1"))


async def test_answers_are_as_the_schema_says_and_as_rights_allow_whoever_asks(
    tmp_path: Path,
    kafka: LocalKafka,
    mongo: Mongo,
    redis: Redis,
    shop_registry: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    archives()
    own: tuple[Path, Mongo, Redis, str] = (tmp_path, mongo, redis, kafka.bootstrap)
    with Stream(tmp_path, kafka):
        async with House(*own) as house:
            other = await house.project("other")
            await house.person(**{other.id: "admin"})
            callers = [await caller(name, house, other, shop_registry) for name in KINDS]
            with served(House(*own, requests_per_minute=0, trusted_proxies=())) as url:
                found = [await asked(each, url) for each in callers]
    with capsys.disabled():
        never = sorted(set(OF).difference(*(each.done for each in found)))
        sys.stdout.write("".join(f"\n{shown(each)}" for each in found))
        sys.stdout.write(f"\n{'together':>9}: never done: {', '.join(never) or 'none'}\n")
    failures = {f"{each.caller}: {what}": how for each in found for what, how in each.failures.items()}
    assert not failures, "\n\n".join(f"{what}\n{how}" for what, how in failures.items())
    assert sum(each.cases for each in found) >= CASES


async def asked(who: Caller, url: str) -> Found:
    """Ask as one caller, in a thread: what a case needs is made in this loop meanwhile."""
    loop = asyncio.get_running_loop()

    def fetch(name: str) -> Known:
        return asyncio.run_coroutine_threadsafe(known(who, name), loop).result(60)

    asking = Asking(who.house.app.openapi(), url, who, fetch)
    return await asyncio.to_thread(asking.ask, -(-CASES // len(KINDS)), SEED)


def shown(found: Found) -> str:
    statuses = ", ".join(f"{status}: {count}" for status, count in sorted(found.statuses.items()))
    return (
        f"{found.caller:>9}: {found.cases} cases, {len(found.failures)} failures, "
        f"{len(found.done)} of {len(OF)} operations done at least once ({statuses})"
    )


def test_somebody_decided_for_each_operation_who_may_ask_it(tmp_path: Path) -> None:
    keys.ensure(tmp_path, utc_now())
    schema = create_app(Settings(api=Api(keys=tmp_path))).openapi()
    names = [operation["operationId"] for methods in schema["paths"].values() for operation in methods.values()]
    assert sorted(names) == sorted(OF)
