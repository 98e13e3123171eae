"""What every cache must do: with a Valkey, without any, and with one that does not answer."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from api.cache import Cache, NoCache, RedisCache, connect
from api.errors import CacheAway
from api.metrics import ApiMetrics
from deepsentry.control import Redis


class Source:
    """Where values come from; counts how often it was asked."""

    def __init__(self) -> None:
        self.value = 1
        self.asked = 0

    async def load(self) -> int:
        self.asked += 1
        return self.value


@pytest.fixture(params=["valkey", "none", "away"])
async def any_cache(request: pytest.FixtureRequest, redis: Redis) -> AsyncIterator[Cache]:
    match request.param:
        case "valkey":
            cache: Cache = of(redis)
        case "none":
            cache = NoCache()
        case _:
            cache = of(Redis(url=SecretStr("redis://127.0.0.1:1/0")))
    yield cache
    await cache.close()


@pytest.fixture
async def valkey(redis: Redis) -> AsyncIterator[RedisCache]:
    cache = of(redis)
    yield cache
    await cache.close()


def of(redis: Redis) -> RedisCache:
    pool = connect(redis)
    assert pool is not None
    return RedisCache(pool, redis.prefix, ApiMetrics(CollectorRegistry()))


async def test_a_value_is_right_before_and_after_a_change(any_cache: Cache) -> None:
    source = Source()
    for _ in range(3):
        assert await any_cache.through("g", "n", int, 60.0, source.load) == 1
    source.value = 2
    await any_cache.drop("g")
    assert await any_cache.through("g", "n", int, 60.0, source.load) == 2


async def test_what_fails_to_load_fails_and_is_not_kept(any_cache: Cache) -> None:
    async def broken() -> int:
        raise LookupError

    with pytest.raises(LookupError):
        await any_cache.through("g", "n", int, 60.0, broken)
    assert await any_cache.through("g", "n", int, 60.0, Source().load) == 1


async def test_of_many_who_read_at_the_same_time_each_gets_its_own(any_cache: Cache) -> None:
    async def read(number: int) -> int:
        async def load() -> int:
            return number

        return await any_cache.through(f"g{number % 3}", f"n{number % 10}-{number % 3}", int, 60.0, load) % 30

    for _ in range(2):
        found = await asyncio.gather(*(read(number % 30) for number in range(90)))
        assert found == [number % 30 for number in range(90)]
    gone = asyncio.create_task(read(1))
    await asyncio.sleep(0)
    gone.cancel()  # who goes away takes nobody along
    assert await read(1) == 1


async def test_what_was_read_is_not_read_again(valkey: RedisCache) -> None:
    source = Source()
    for _ in range(5):
        await valkey.through("g", "n", int, 60.0, source.load)
    assert source.asked == 1
    await valkey.through("g", "other", int, 60.0, source.load)
    await valkey.through("other", "n", int, 60.0, source.load)
    assert source.asked == 3


async def test_what_many_miss_at_once_is_loaded_once_and_who_leaves_takes_nobody_along(valkey: RedisCache) -> None:
    source, ready = Source(), asyncio.Event()

    async def slow() -> int:
        await ready.wait()
        return await source.load()

    readers = [asyncio.create_task(valkey.through("g", "n", int, 60.0, slow)) for _ in range(20)]
    await asyncio.sleep(0.2)
    readers[0].cancel()
    ready.set()
    assert await asyncio.gather(*readers[1:]) == [1] * 19
    assert source.asked == 1


async def test_who_comes_after_a_change_is_not_given_what_was_being_loaded_before_it(valkey: RedisCache) -> None:
    reading, ready = asyncio.Event(), asyncio.Event()

    async def before() -> int:
        reading.set()
        await ready.wait()
        return 1

    early = asyncio.create_task(valkey.through("g", "n", int, 60.0, before))
    await reading.wait()
    await valkey.drop("g")
    source = Source()
    source.value = 2
    assert await valkey.through("g", "n", int, 60.0, source.load) == 2
    ready.set()
    assert await early == 1
    assert await valkey.through("g", "n", int, 60.0, source.load) == 2


async def test_a_value_grows_too_old(valkey: RedisCache) -> None:
    source = Source()
    for _ in range(2):
        await valkey.through("g", "n", int, 0.0, source.load)
    assert source.asked == 2


async def test_a_value_of_another_kind_is_loaded_anew(valkey: RedisCache) -> None:
    async def text() -> str:
        return "text"

    await valkey.through("g", "n", str, 60.0, text)
    assert await valkey.through("g", "n", int, 60.0, Source().load) == 1


async def test_what_was_read_before_a_drop_is_not_kept_after_it(valkey: RedisCache) -> None:
    reading, dropped = asyncio.Event(), asyncio.Event()

    async def slow() -> int:
        reading.set()
        await dropped.wait()
        return 1  # what was right before the change

    early = asyncio.create_task(valkey.through("g", "n", int, 60.0, slow))
    await reading.wait()
    await valkey.drop("g")
    dropped.set()
    assert await early == 1
    source = Source()
    source.value = 2
    assert await valkey.through("g", "n", int, 60.0, source.load) == 2


async def test_one_that_does_not_answer_says_so() -> None:
    for cache in (NoCache(), of(Redis(url=SecretStr("redis://127.0.0.1:1/0")))):
        with pytest.raises(CacheAway):
            await cache.ping()
        await cache.close()
