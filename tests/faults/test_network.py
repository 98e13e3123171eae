"""A network that is slow, that stalls, or that breaks, between all workers and the broker."""

import time

import pytest

from deepsentry import topics
from tests.faults.conftest import Finish
from tests.faults.outcome import Outcome, audit
from tests.faults.run import PATIENCE, Run, Site, ready
from tests.integration.stream import eventually

STAGES = ("sanitize", "score")


@pytest.mark.long
def test_a_slow_network_makes_it_late_and_nothing_else(run: Run, site: Site, finish: Finish) -> None:
    run.work(*STAGES, **site.network)
    site.proxy.latency, site.proxy.rate = 0.05, 2_000_000.0
    try:
        run.publish()
        assert finish(run).nothing
    finally:
        site.proxy.latency, site.proxy.rate = 0.0, float("inf")


@pytest.mark.parametrize(
    "seconds", [12.0, pytest.param(60.0, marks=pytest.mark.long)], ids=lambda seconds: f"{seconds:.0f} s"
)
def test_a_network_that_is_cut_and_mended_loses_nothing(
    run: Run, site: Site, undisturbed: Outcome, finish: Finish, seconds: float
) -> None:
    workers = run.work(*STAGES, **site.network)
    run.publish(0.5)
    eventually(lambda: run.stream.handled("score", topics.CLEAN.name) > 0)
    site.proxy.cut()
    began = time.monotonic()
    try:
        run.publish(0.3)
        eventually(lambda: all(worker.misses_broker() for worker in workers))
        assert all(worker.live().status == 200 for worker in workers)
        audit(run.stream, undisturbed)
        time.sleep(max(0.0, seconds - (time.monotonic() - began)))
    finally:
        site.proxy.mend()
    eventually(lambda: all(ready(worker) for worker in workers), PATIENCE)
    assert finish(run).nothing


@pytest.mark.long
def test_connections_that_break_again_and_again_lose_nothing(run: Run, site: Site, finish: Finish) -> None:
    run.work(*STAGES, **site.network)
    for _ in range(8):
        run.publish(0.1)
        site.proxy.reset()
        time.sleep(0.5)
    assert finish(run).nothing
