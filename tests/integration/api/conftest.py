"""The control plane on real servers: a database and a prefix of its own for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deepsentry.control import Mongo, Redis
from tests.integration.api.house import House


@pytest.fixture
async def house(tmp_path: Path, mongo: Mongo, redis: Redis) -> AsyncIterator[House]:
    """A control plane without a broker."""
    async with House(tmp_path, mongo, redis) as running:
        yield running
