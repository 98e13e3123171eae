"""The control plane on real servers: a database and a prefix of its own for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deepsentry import topics
from deepsentry.control import Mongo, Redis
from deepsentry.local import LocalKafka
from models.registry import Registry
from tests.integration.api.house import House
from tests.integration.api.world import World
from tests.integration.stream import Stream


@pytest.fixture
async def house(tmp_path: Path, mongo: Mongo, redis: Redis) -> AsyncIterator[House]:
    """A control plane without a broker."""
    async with House(tmp_path, mongo, redis) as running:
        yield running


@pytest.fixture
async def world(
    tmp_path: Path, kafka: LocalKafka, mongo: Mongo, redis: Redis, shop_registry: Path
) -> AsyncIterator[World]:
    trained, _ = Registry(shop_registry).read("detector", 1)
    registry = Registry(tmp_path / "registry")
    registry.save("shop", trained)
    registry.add("shop", trained)
    with Stream(tmp_path, kafka) as stream:
        async with House(tmp_path, mongo, redis, kafka.bootstrap) as house:
            project, other = await house.project("shop"), await house.project("other")
            root = await house.person("admin")
            ann, vic = await house.person(**{project.id: "operator"}), await house.person(**{project.id: "viewer"})
            eve = await house.person(**{other.id: "admin"})
            for grant in (
                {"kind": "topic", "name": topics.CLEAN.name},
                {"kind": "topic", "name": topics.RAW.name},
                {"kind": "model", "name": "shop"},
            ):
                made = await house.client.post(f"/projects/{project.id}/grants", json=grant, headers=root.headers)
                assert made.status_code == 201, made.text
            yield World(house, stream, project, ann, vic, eve, other)
