"""Versions that come, are promoted, are tampered with or half-written, while a worker scores."""

import shutil
import subprocess
import sys
from pathlib import Path

from deepsentry import topics
from deepsentry.demo.shop import Shop
from deepsentry.events import ModelReference
from models.registry import CHAMPION, Registry
from tests.integration.stream import Stream, eventually, shop_entries
from tests.integration.workers import Worker

NAME = "detector"


def adopted(worker: Worker, version: int) -> bool:
    return any(line["version"] == version for line in worker.said("version_adopted"))


def refused(worker: Worker, version: int, reason: str) -> bool:
    return any(line["version"] == version and reason in str(line["reason"]) for line in worker.said("version_refused"))


def point(registry: Registry, version: int) -> None:
    """Move the alias past all checks, as someone with access to the folder could."""
    champion = registry.champion(NAME)
    assert champion is not None
    registry._point(NAME, CHAMPION, ModelReference(NAME, version, champion.digest))


def promote(stream: Stream, version: int) -> None:
    command = [sys.executable, "-m", "deepsentry", "models", "promote", str(version)]
    subprocess.run(command, check=True, env=stream.environment, capture_output=True, timeout=60)


def test_a_worker_says_no_verdict_then_follows_promotions_and_refuses_what_was_tampered_with(
    stream: Stream, shop_registry: Path
) -> None:
    trained, _ = Registry(shop_registry).read(NAME, 1)
    registry = Registry(stream.home / "registry")
    normal = shop_entries(Shop(3).normal(1_795_000_000.0, 40))
    worker = stream.work("score")
    stream.publish_clean(normal)
    eventually(lambda: stream.handled("score", topics.CLEAN.name) == len(normal))
    assert worker.metric("deepsentry_entries_total", outcome="no_verdict") == len(normal)
    assert worker.metric("deepsentry_judged_total") == 0
    assert stream.anomalies() == []

    registry.save(NAME, trained)
    eventually(lambda: adopted(worker, 1))
    registry.save(NAME, trained)
    promote(stream, 2)
    eventually(lambda: adopted(worker, 2))
    assert worker.metric("deepsentry_model_info", version="2") == 1
    assert worker.metric("deepsentry_model_info", version="1") == 0

    registry.save(NAME, trained)
    weights = registry.root / NAME / "3" / "weights.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    point(registry, 3)
    eventually(lambda: refused(worker, 3, "weights.safetensors does not have the digest"))

    half = registry.root / NAME / "4"
    shutil.copytree(registry.root / NAME / "2", half)
    (half / "vocabulary.json").unlink()
    point(registry, 4)
    eventually(lambda: refused(worker, 4, "half-written or not ours: vocabulary.json"))
    assert worker.metric("deepsentry_versions_refused_total") == 2

    faulty, _ = Shop(7).faults(1_796_000_000.0, 200, each=2)
    stream.publish_clean(shop_entries(faulty))
    eventually(stream.anomalies)
    assert {anomaly.model.version for anomaly in stream.anomalies()} == {2}
    assert worker.lives
