"""Requests are counted at once here, and with the other processes a moment later."""

import asyncio
from collections import Counter

import pytest

from api.auth import counting
from api.auth.counting import Counting
from api.errors import CacheAway


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "SOON", 0.0)


async def told() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_each_process_learns_what_the_others_counted() -> None:
    shared: Counter[str] = Counter()

    async def add(who: str, requests: int) -> int:
        shared[who] += requests
        return shared[who]

    one, two = Counting(add), Counting(add)
    assert [one.count("ann") for _ in range(3)] == [1, 2, 3]
    await told()
    assert two.count("ann") == 1  # it was told of none yet
    await told()
    assert two.count("ann") == 5
    assert one.count("bob") == 1
    await one.close()
    await two.close()
    assert shared == {"ann": 5, "bob": 1}


async def test_without_the_cache_it_counts_alone() -> None:
    async def away(_: str, __: int) -> int:
        message = "away"
        raise CacheAway(message)

    for add in (away, None):
        alone = Counting(add)
        for number in range(1, 4):
            assert alone.count("ann") == number
            await told()
        await alone.close()


async def test_a_window_ends_and_nothing_is_kept_of_who_asks_no_more() -> None:
    now = [0.0]
    some = Counting(None, lambda: now[0])
    assert [some.count("ann"), some.count("ann")] == [1, 2]
    await told()
    now[0] = counting.WINDOW + 1.0
    assert some.count("bob") == 1
    await told()
    assert list(some._counts) == ["bob"]
    assert some.count("ann") == 1
    await some.close()
