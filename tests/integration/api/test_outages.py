"""Store and cache are killed and come back: right answers or 503, never wrong ones, and recovery by itself."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from api.idempotency import LEASE
from deepsentry.control import Mongo, Redis
from deepsentry.local import LocalCache, LocalStore
from tests.integration.api.house import House, without_cache

PATIENCE = 60.0


@pytest.fixture
def own_store(tmp_path: Path) -> Iterator[LocalStore]:
    server = LocalStore(tmp_path / "store")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def own_cache(tmp_path: Path) -> Iterator[LocalCache]:
    server = LocalCache(tmp_path / "cache")
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def fragile(tmp_path: Path, own_store: LocalStore, own_cache: LocalCache) -> AsyncIterator[House]:
    mongo = Mongo(url=SecretStr(own_store.url), select_timeout=0.3, connect_timeout=0.3)
    async with House(tmp_path, mongo, Redis(url=SecretStr(own_cache.url))) as house:
        yield house


async def until(answers: Callable[[], Awaitable[httpx.Response]], *statuses: int) -> httpx.Response:
    deadline = time.monotonic() + PATIENCE
    while (answer := await answers()).status_code not in statuses:
        assert time.monotonic() < deadline, answer.text
        await asyncio.sleep(0.2)
    return answer


async def test_without_the_store_it_says_so_and_recovers_with_all_that_was_kept(
    fragile: House, own_store: LocalStore
) -> None:
    ann = await fragile.person("operator")

    async def ask() -> httpx.Response:
        return await fragile.client.get("/users/" + ann.id, headers=ann.headers)

    made = []
    for number in range(5):
        new = {"name": f"p{number}", "title": "P"}
        made.append((await fragile.client.post("/projects", json=new, headers=ann.headers)).json()["id"])
    own_store.kill()
    away = await fragile.client.get("/projects", headers=ann.headers)
    assert away.status_code == 503
    assert away.json()["type"] == "urn:deepsentry:problem:away"
    assert int(away.headers["retry-after"]) > 0
    assert "mongodb" not in away.text
    assert "127.0.0.1" not in away.text
    ready = await fragile.client.get("http://testserver/health/ready")
    assert (ready.status_code, ready.json()["status"]) == (503, "away")
    assert (await fragile.client.get("http://testserver/health/live")).status_code == 200
    own_store.start()
    back = await until(lambda: fragile.client.get("/projects", headers=ann.headers), 200)
    assert {item["id"] for item in back.json()["items"]} == set(made)


async def test_a_store_that_does_not_answer_is_not_asked_by_everybody(fragile: House, own_store: LocalStore) -> None:
    ann = await fragile.person("operator")
    own_store.kill()
    for _ in range(6):
        assert (await fragile.client.get("/projects", headers=ann.headers)).status_code == 503
    asked = fragile.parts.metrics.store_seconds
    before = samples(asked)
    started = time.monotonic()
    answers = await asyncio.gather(*(fragile.client.get("/me", headers=ann.headers) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {503}
    spent = time.monotonic() - started
    assert samples(asked) > before
    assert spent < 50 * 0.3  # each alone would have waited so long


def samples(histogram: object) -> float:
    [metric] = histogram.collect()  # type: ignore[attr-defined]
    return sum(sample.value for sample in metric.samples if sample.name.endswith("_count"))


async def test_without_the_cache_it_works_and_says_so(fragile: House, own_cache: LocalCache) -> None:
    ann = await fragile.person("operator")
    assert (await fragile.client.get("/projects", headers=ann.headers)).status_code == 200
    own_cache.kill()
    for _ in range(3):
        assert (await fragile.client.get("/projects", headers=ann.headers)).status_code == 200
    made = await fragile.client.post("/projects", json={"name": "p", "title": "P"}, headers=ann.headers)
    assert made.status_code == 201
    assert (await fragile.client.get(f"/projects/{made.json()['id']}", headers=ann.headers)).status_code == 200
    ready = (await fragile.client.get("http://testserver/health/ready")).json()
    assert ready["status"] == "degraded"
    assert (ready["dependencies"]["cache"]["ok"], ready["dependencies"]["store"]["ok"]) == (False, True)
    assert (await fragile.client.delete("/sessions", headers=ann.headers)).status_code == 204
    assert (await fragile.client.get("/projects", headers=ann.headers)).status_code == 401
    own_cache.start()

    async def cached() -> httpx.Response:
        return await fragile.client.get("http://testserver/health/ready")

    deadline = time.monotonic() + PATIENCE
    while not (await cached()).json()["dependencies"]["cache"]["ok"]:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.2)
    assert (await fragile.client.get("/projects", headers=ann.headers)).status_code == 401


async def test_what_a_dead_cache_forgot_to_drop_is_not_believed_for_long(fragile: House, own_cache: LocalCache) -> None:
    ann = await fragile.person("operator")
    assert (await fragile.client.get("/me", headers=ann.headers)).status_code == 200  # kept in the cache now
    own_cache.kill()
    assert (await fragile.client.delete("/sessions", headers=ann.headers)).status_code == 204
    own_cache.start()  # its file still holds what should have been dropped
    await until(lambda: fragile.client.get("/me", headers=ann.headers), 401)


async def test_a_house_without_a_cache_works(tmp_path: Path, mongo: Mongo) -> None:
    async with House(tmp_path, mongo, without_cache()) as house:
        ann = await house.person("operator")
        made = await house.client.post("/projects", json={"name": "p", "title": "P"}, headers=ann.headers)
        assert made.status_code == 201
        assert (await house.client.delete("/sessions", headers=ann.headers)).status_code == 204
        assert (await house.client.get("/me", headers=ann.headers)).status_code == 401


async def test_sign_ins_are_limited_with_and_without_the_cache(fragile: House, own_cache: LocalCache) -> None:
    given = {"email": "nobody@example.org", "password": "wrong password"}
    for _ in range(2):
        answers = [await fragile.client.post("/sessions", json=given) for _ in range(40)]
        limited = [answer for answer in answers if answer.status_code == 429]
        assert any("requests a minute" in answer.json()["detail"] for answer in limited)
        own_cache.kill()


async def test_a_request_that_was_cut_short_can_be_sent_again(fragile: House, own_store: LocalStore) -> None:
    ann = await fragile.person("operator")
    headers = ann.headers | {"Idempotency-Key": "cut-short"}
    new = {"name": "p", "title": "P"}

    async def send() -> httpx.Response:
        return await fragile.client.post("/projects", json=new, headers=headers)

    sending = asyncio.create_task(send())
    own_store.kill()
    await sending
    own_store.start()
    fragile.ahead += LEASE
    # where the answer was lost after the deed, the name is taken
    await until(send, 201, 409)
    assert len((await fragile.client.get("/projects", headers=ann.headers)).json()["items"]) == 1
