"""What surrounds every request: ids, headers, sizes, what is logged, and how a mistake of ours is told."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from api.bodies import takes
from api.routing import router
from deepsentry import logs
from deepsentry.control import Mongo, Redis
from deepsentry.sections import Log
from tests.integration.api.house import House
from tests.integration.api.people import PASSWORD, invited


async def test_every_answer_has_an_id_and_headers_that_keep_browsers_tame(house: House) -> None:
    for path in ("/projects", "/nothing", "http://testserver/health/live", "http://testserver/metrics"):
        answer = await house.client.get(path)
        assert len(answer.headers["x-request-id"]) == 16
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in answer.headers
        assert "strict-transport-security" not in answer.headers


async def test_an_id_that_is_given_is_kept_where_it_can_do_no_harm(house: House) -> None:
    kept = await house.client.get("/projects", headers={"X-Request-Id": "trace-0123456789.a_b"})
    assert kept.headers["x-request-id"] == kept.json()["request_id"] == "trace-0123456789.a_b"
    for bad in ("short", "a" * 65, "evil id with spaces", 'a"b<script>c</script>', "ééééééééé".encode()):
        answer = await house.client.get("/projects", headers={"X-Request-Id": bad})
        assert len(answer.headers["x-request-id"]) == 16


async def test_a_house_behind_https_tells_browsers_to_stay_there(tmp_path: Path, mongo: Mongo, redis: Redis) -> None:
    async with House(tmp_path, mongo, redis, public_url="https://ds.example.org") as house:
        assert "strict-transport-security" in (await house.client.get("/projects")).headers


async def test_other_sites_may_call_where_the_operator_says_so(tmp_path: Path, mongo: Mongo, redis: Redis) -> None:
    async with House(tmp_path, mongo, redis, origins=("https://console.example.org",)) as house:
        for origin, allowed in (("https://console.example.org", True), ("https://evil.example.org", False)):
            asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
            answer = await house.client.options("/projects", headers=asked)
            assert (answer.headers.get("access-control-allow-origin") == origin) is allowed


async def test_a_body_that_is_too_large_is_refused_whether_or_not_it_says_so(house: House) -> None:
    ann = await house.person("operator")
    large = json.dumps({"name": "p", "title": "x" * 1_100_000}).encode()
    headers = ann.headers | {"Content-Type": "application/json"}
    said = await house.client.post("/projects", content=large, headers=headers)
    assert said.status_code == 413
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 100_000
            yield b"x" * 100_000

    unsaid = await house.client.post("/projects", content=endless(), headers=headers)
    assert unsaid.status_code == 413
    assert unsaid.json()["type"] == "urn:deepsentry:problem:too-large"
    assert sent < 5_000_000
    lied = await house.client.post("/projects", content=large, headers=headers | {"Content-Length": "9" * 30})
    assert lied.status_code == 413
    keyed = await house.client.post("/projects", content=large, headers=headers | {"Idempotency-Key": "k"})
    assert keyed.status_code == 413


async def test_a_route_may_take_more_or_less_than_the_house(house: House) -> None:
    routes = router("/sizes", "sizes")

    @routes.post("")
    @takes(10)
    async def size(body: dict[str, int]) -> int:
        return len(body)

    house.app.include_router(routes, prefix="/api/v1")
    assert (await house.client.post("/sizes", json={"a": 1})).status_code == 200
    assert (await house.client.post("/sizes", json={"abcdefgh": 1})).status_code == 413


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("limit=0", 422),
        ("limit=1001", 422),
        ("limit=1e9", 422),
        ("limit=-1", 422),
        ("limit=1000", 200),
        ("cursor=x", 422),
    ],
)
async def test_pages_are_never_huge(house: House, query: str, status: int) -> None:
    ann = await house.person("admin")
    answer = await house.client.get(f"/projects?{query}", headers=ann.headers)
    assert answer.status_code == status


async def test_a_page_is_no_larger_than_the_operator_allows(tmp_path: Path, mongo: Mongo, redis: Redis) -> None:
    async with House(tmp_path, mongo, redis, max_page=2) as house:
        for number in range(3):
            await house.project(f"p{number}")
        ann = await house.person("admin")
        page = (await house.client.get("/projects?limit=1000", headers=ann.headers)).json()
        assert len(page["items"]) == 2


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"{", "body.1"),
        (b'{"name":"p","title":"P","admin":true}', "body.admin"),
        (b'{"name":"p"}', "body.title"),
        (b'{"name":"../p","title":"P"}', "body.name"),
        (b'{"name":"p","title":"a\\nforged=1"}', "body.title"),
        (b'{"name":"p","title":"a\\u0000b"}', "body.title"),
        (b"[" * 100_000, "body"),
        (b'\xff\xfe"', "body"),
        (b'{"name":"p","title":"\\ud800"}', "body"),
    ],
    ids=["cut", "unknown field", "missing", "path", "line break", "NUL", "deep", "no UTF-8", "half a character"],
)
async def test_a_body_that_cannot_be_used_says_where_and_never_what(house: House, body: bytes, where: str) -> None:
    ann = await house.person("operator")
    headers = ann.headers | {"Content-Type": "application/json"}
    answer = await house.client.post("/projects", content=body, headers=headers)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["faults"][0]["where"].startswith(where)


async def test_what_cannot_be_done_with_a_thing_says_what_can(house: House) -> None:
    answer = await house.client.request("BREW", "/projects")
    assert (answer.status_code, answer.json()["type"]) == (405, "urn:deepsentry:problem:method-not-allowed")


async def test_a_mistake_of_ours_is_told_without_its_inside(house: House) -> None:
    routes = router("/broken", "broken")

    @routes.get("")
    async def broken() -> None:
        message = "password=hunter2 at 10.0.0.7"
        raise ZeroDivisionError(message)

    house.app.include_router(routes, prefix="/api/v1")
    answer = await house.client.get("/broken")
    assert answer.status_code == 500
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    for inside in ("hunter2", "10.0.0.7", "ZeroDivision", "Traceback"):
        assert inside not in answer.text


async def test_the_log_says_who_asked_for_what_and_no_secret(house: House, capfd: pytest.CaptureFixture[str]) -> None:
    logs.configure(Log(format="json"))
    try:
        bob = await invited(house)
        hostile = {"X-Request-Id": 'a"}\n{"event":"forged', "User-Agent": "evil\r\nforged: 1"}
        await house.client.get("/me?secret=in-the-query", headers=bob.headers)
        async with httpx.AsyncClient(transport=house.client._transport, base_url="http://testserver") as client:
            with suppress(httpx.LocalProtocolError, ValueError):
                await client.get("/api/v1/me", headers=bob.headers | hostile)
    finally:
        logging.getLogger().handlers.clear()
        import structlog  # noqa: PLC0415

        structlog.reset_defaults()
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    asked = [line for line in lines if line["event"] == "request"]
    assert {"method", "route", "status", "seconds", "principal", "request_id"} <= set(asked[-1])
    assert f"user:{bob.id}" in {line["principal"] for line in asked}
    said = json.dumps(lines)
    for secret in (PASSWORD, bob.headers["Authorization"], "dsi_", "in-the-query", "bob@example.org"):
        assert secret not in said
    assert not [line for line in lines if line["event"] == "forged"]


async def test_metrics_name_routes_and_no_ids_and_may_want_a_token(tmp_path: Path, mongo: Mongo, redis: Redis) -> None:
    async with House(tmp_path, mongo, redis, metrics_token=SecretStr("a token for Prometheus")) as house:
        project = await house.project()
        ann = await house.person(**{project.id: "viewer"})
        for _ in range(2):
            await house.client.get(f"/projects/{project.id}", headers=ann.headers)
        await house.client.get("http://testserver/verdicts/nonsense")
        await house.client.get(f"/nothing/{project.id}")
        url = "http://testserver/metrics"
        assert (await house.client.get(url)).status_code == 401
        found = await house.client.get(url, headers={"Authorization": "Bearer a token for Prometheus"})
        assert found.status_code == 200
        for name in ("http_requests_total", "deepsentry_store_seconds_bucket", "deepsentry_cache_reads_total"):
            assert name in found.text
        counted = 'http_requests_total{handler="/api/v1/projects/{project}",method="GET",status="200"} 2.0'
        assert counted in found.text
        assert '{handler="/verdicts/{token}",method="GET",status="403"} 1.0' in found.text
        assert '{handler="none",method="GET",status="404"} 1.0' in found.text
        assert "/metrics" not in found.text
        assert "deepsentry_active_users 1.0" in found.text
        assert 'deepsentry_cache_reads_total{outcome="hit"}' in found.text
        assert project.id not in found.text
        assert ann.id not in found.text


async def test_who_asks_more_than_is_allowed_waits_and_the_other_processes_know(
    tmp_path: Path, mongo: Mongo, redis: Redis
) -> None:
    own: tuple[Path, Mongo, Redis] = (tmp_path, mongo, redis)
    async with House(*own, requests_per_minute=40) as one, House(*own, requests_per_minute=40) as two:
        ann = await one.person()
        asked = [await one.client.get("/me", headers=ann.headers) for _ in range(41)]
        assert [answer.status_code for answer in asked] == [200] * 40 + [429]
        assert int(asked[-1].headers["retry-after"]) >= 1
        allowed = 0
        while (await two.client.get("/me", headers=ann.headers)).status_code == 200:
            allowed += 1
            await asyncio.sleep(0.1)
        assert allowed < 40


def test_the_clock_of_the_metrics_forgets_who_is_gone() -> None:
    from prometheus_client import CollectorRegistry  # noqa: PLC0415

    from api.metrics import ApiMetrics  # noqa: PLC0415

    now = time.monotonic()
    clock = [now]
    metrics = ApiMetrics(CollectorRegistry(), lambda: clock[0])
    metrics.seen("user:a")
    metrics.seen("user:a")
    metrics.seen("key:b")
    assert metrics.registry.get_sample_value("deepsentry_active_users") == 2
    clock[0] += 299
    metrics.seen("key:b")
    clock[0] += 2
    assert metrics.registry.get_sample_value("deepsentry_active_users") == 1
