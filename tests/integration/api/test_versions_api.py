"""Models over HTTP on real servers: versions move, travel, are compared and previewed."""

from datetime import UTC, datetime, timedelta

import pytest

from deepsentry import topics
from deepsentry.events import (
    Comparison,
    ModelReference,
    Moments,
    Promotion,
    ScoreCounts,
)
from models.registry import CHALLENGER
from models.shadow import moments
from tests.integration.api.world import World


async def test_a_version_is_promoted_rolled_back_and_announced(world: World) -> None:
    client = world.house.client

    async def post(path: str, **body: int) -> int:
        done = await client.post(f"{world.url}/models/shop/{path}", json=body or None, headers=world.ann.headers)
        return done.status_code

    versions = (await world.get("/models/shop/versions", limit=1))["items"]
    assert isinstance(versions, list)
    assert [(each["version"], each["aliases"]) for each in versions] == [(2, [])]
    assert await post("promote", version=2, instead_of=7) == 409
    assert await post("promote", version=2, instead_of=1) == 200
    assert await post("promote", version=9) == 404
    assert await post("rollback") == 200
    assert await post("rollback") == 404
    champion = world.house.parts.registry.champion("shop")
    assert champion is not None
    assert champion.version == 1
    announced = world.on(topics.MODELS, Promotion)
    assert [(each.alias, each.version) for each in announced] == [("champion", 2), ("champion", 1)]
    assert await post("shadow", version=2) == 200
    listed = (await world.get("/models"))["items"]
    assert isinstance(listed, list)
    assert [each["challenger"]["version"] for each in listed] == [2]
    gone = await client.delete(f"{world.url}/models/shop/shadow", headers=world.ann.headers)
    assert gone.status_code == 204
    assert world.house.parts.registry.pointed("shop", CHALLENGER) is None
    as_viewer = await client.post(f"{world.url}/models/shop/rollback", headers=world.vic.headers)
    assert as_viewer.status_code == 403


async def test_a_version_goes_from_one_house_into_another_as_one_archive(world: World) -> None:
    client = world.house.client
    got = await client.get(f"{world.url}/models/shop/versions/1/archive", headers=world.ann.headers)
    assert (got.status_code, got.headers["content-type"]) == (200, "application/x-tar")
    url, kind = f"/projects/{world.other.id}/models/copy/archive", {"Content-Type": "application/x-tar"}
    for _ in range(2):
        made = await client.post(url, content=got.content, headers=world.eve.headers | kind)
        assert (made.status_code, made.json()["version"]) == (201, 1), made.text
    assert world.house.parts.registry.champion("copy") is None
    changed = bytearray(got.content)
    changed[len(changed) // 2] ^= 1
    refused = await client.post(url, content=bytes(changed), headers=world.eve.headers | kind)
    assert refused.status_code == 409
    assert (await client.post(url, content=b"", headers=world.eve.headers | kind)).status_code == 409
    into_ours = f"/projects/{world.other.id}/models/shop/archive"
    assert (await client.post(into_ours, content=got.content, headers=world.eve.headers | kind)).status_code == 404


async def test_the_shadow_report_adds_up_what_all_workers_saw(world: World) -> None:
    client, url = world.house.client, f"{world.url}/models/shop/shadow"
    assert (await client.get(url, headers=world.vic.headers)).status_code == 404
    await client.post(url, json={"version": 2}, headers=world.ann.headers)
    now = datetime.now(UTC)
    pairs = [[(0.2, 0.3), (0.4, 0.5)], [(0.1, 1.2)]]
    for number, some in enumerate(pairs, 1):
        both = (ModelReference("shop", 1, ""), ModelReference("shop", 2, ""))
        said = Comparison(f"w{number}", 1, *both, now, now, moments(some), challenger_only=number - 1)
        for _ in range(2):
            await world.tell(topics.SHADOW, "k", said)
    stale = Comparison("w3", 1, ModelReference("shop", 7, ""), ModelReference("shop", 2, ""), now, now, Moments(5))
    await world.tell(topics.SHADOW, "k", stale)
    shown = await world.get("/models/shop/shadow")
    assert (shown["judgements"], shown["challenger_only"]) == (3, 1)
    assert shown["mean_difference"] == pytest.approx((0.1 + 0.1 + 1.1) / 3)


async def test_a_budget_is_previewed_from_a_week_of_scores_or_it_says_that_it_knows_too_little(world: World) -> None:
    yesterday = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    for hour in range(24):
        counts = {"-8": 100, "0": 1, "8": 1 if hour < 3 else 0}
        said = ScoreCounts("w", ModelReference("shop", 1, ""), yesterday + timedelta(hours=hour), counts)
        await world.tell(topics.SCORES, "k", said)
        if hour == 12:
            little = await world.get("/models/shop/preview", budget=5)
            assert (little["sequences"], little["present_sequences"]) == (None, 16)
    shown = await world.get("/models/shop/preview", budget=5)
    assert (shown["sequences"], shown["score"], shown["present_sequences"]) == (3, 1.091, 27)
    assert (await world.get("/models/shop/preview", budget=30))["sequences"] == 27
    assert (await world.get("/models/shop/preview", budget=5000))["sequences"] == 27 + 2400
