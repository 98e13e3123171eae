"""Real servers and real processes: a broker for each test, workers as an operator starts them."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.stream import Stream, train_on_the_shop


@pytest.fixture(scope="session")
def shop_registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with one version, trained on the shop's normal traffic."""
    return train_on_the_shop(tmp_path_factory.mktemp("registry"))


@pytest.fixture
def stream(tmp_path: Path) -> Iterator[Stream]:
    """A broker with its topics, and workers on demand; without a model."""
    with Stream(tmp_path) as running:
        yield running


@pytest.fixture
def trained_stream(tmp_path: Path, shop_registry: Path) -> Iterator[Stream]:
    """A broker with its topics, and workers on demand; the champion knows the shop."""
    shutil.copytree(shop_registry, tmp_path / "registry")
    with Stream(tmp_path) as running:
        yield running
