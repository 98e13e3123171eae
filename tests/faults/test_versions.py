"""Versions that cannot be trusted, and a disk without room for the next one."""

import subprocess
import sys

import pytest

from deepsentry.events import ModelReference
from models.registry import CHAMPION, Registry
from tests.faults.conftest import Finish
from tests.faults.run import Run
from tests.integration.stream import eventually
from tests.integration.workers import Worker

NAME = "detector"
SAVE = """
import resource, signal, sys
from pathlib import Path
from models.registry import Registry
registry = Registry(Path(sys.argv[1]))
version, _ = registry.read("detector", 1)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
registry.save("detector", version)
"""
"""Save a copy of the first version where no file may grow beyond 20 kB, as on a disk that is full."""


def break_the_champion(registry: Registry) -> None:
    """Make a version that was half-written the champion, as a copy of the folder that was cut short would be."""
    trained, reference = registry.read(NAME, 1)
    broken = registry.save(NAME, trained)
    (registry.root / NAME / str(broken.version) / "weights.safetensors").write_bytes(b"")
    registry._point(NAME, CHAMPION, ModelReference(NAME, broken.version, reference.digest))


def refuses(worker: Worker) -> bool:
    return worker.lives and any("version" in reason for reason in worker.ready().reasons)


def test_a_broken_champion_is_refused_and_what_a_restart_meets_waits_for_one_that_can_judge(
    run: Run, finish: Finish
) -> None:
    registry = Registry(run.stream.home / "registry")
    _, score = run.work("sanitize", "score")
    run.publish(0.3)
    break_the_champion(registry)
    eventually(lambda: score.said("version_refused"))
    run.publish(0.3)
    eventually(lambda: run.stream.sanitized() and run.stream.scored())
    assert score.ready().status == 200
    score.kill()
    waiting = run.stream.work("score")
    run.publish(0.2)
    eventually(lambda: refuses(waiting))
    assert waiting.live().status == 200
    registry.promote(NAME, 1)
    assert finish(run).nothing


@pytest.mark.long
def test_a_full_disk_refuses_the_next_version_leaves_nothing_behind_and_the_old_one_judges_on(
    run: Run, finish: Finish
) -> None:
    registry = Registry(run.stream.home / "registry")
    before = sorted(registry.root.rglob("*"))
    workers = run.work("sanitize", "score")
    run.publish(0.5)
    save = subprocess.run(
        [sys.executable, "-c", SAVE, str(registry.root)], check=False, capture_output=True, text=True, timeout=120
    )
    assert save.returncode == 1
    assert "DataError: cannot write a version" in save.stderr
    assert sorted(registry.root.rglob("*")) == before
    assert all(worker.ready().status == 200 for worker in workers)
    assert finish(run).nothing
