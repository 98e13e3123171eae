"""Real servers and real processes: one broker with fresh topics for each test, workers as an operator starts them."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deepsentry.local import LocalKafka, servers
from tests.integration.stream import Stream, train_on_the_shop


@pytest.fixture(scope="session")
def shop_registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with one version, trained on the shop's normal traffic."""
    return train_on_the_shop(tmp_path_factory.mktemp("registry"))


@pytest.fixture(scope="session")
def kafka() -> Iterator[LocalKafka]:
    """A broker for all tests that leave it alone."""
    with servers() as running:
        yield running.kafka


@pytest.fixture
def stream(tmp_path: Path, kafka: LocalKafka) -> Iterator[Stream]:
    """Fresh topics, and workers on demand; without a model."""
    with Stream(tmp_path, kafka) as running:
        yield running


@pytest.fixture
def trained_stream(tmp_path: Path, kafka: LocalKafka, shop_registry: Path) -> Iterator[Stream]:
    """Fresh topics, and workers on demand; the champion knows the shop."""
    shutil.copytree(shop_registry, tmp_path / "registry")
    with Stream(tmp_path, kafka) as running:
        yield running


@pytest.fixture
def fragile_stream(tmp_path: Path, shop_registry: Path) -> Iterator[Stream]:
    """The same on a broker of its own, which a test may end."""
    shutil.copytree(shop_registry, tmp_path / "registry")
    with own_broker(tmp_path) as broker, Stream(tmp_path, broker) as running:
        yield running


@contextmanager
def own_broker(home: Path) -> Iterator[LocalKafka]:
    broker = LocalKafka(home / "kafka")
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()
