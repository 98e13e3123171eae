"""Far more lines than the workers can take: memory stays bounded, and the lag goes away."""

import time
from threading import Thread

import pytest

from deepsentry.demo.shop import Shop
from tests.faults.conftest import Finish
from tests.faults.run import Run, placed
from tests.integration.stream import eventually, shop_records

MIB = 1_048_576


@pytest.mark.long
def test_a_flood_is_taken_with_bounded_memory_and_the_lag_recovers(run: Run, finish: Finish) -> None:
    workers = run.work("sanitize", "score", DEEPSENTRY_WORKER__CHUNK="1000")
    run.publish()
    eventually(run.stream.sanitized)
    flood = placed(shop_records(Shop(5).normal(run.lines[-1].timestamp, 4000)))
    calm = [worker.memory() for worker in workers]
    publishing = Thread(target=lambda: [run.stream.publish_at(flood) for _ in range(8)])
    publishing.start()
    most = calm
    while publishing.is_alive() or not run.stream.sanitized() or not run.stream.scored():
        most = [max(pair) for pair in zip(most, (worker.memory() for worker in workers), strict=True)]
        assert all(worker.lives for worker in workers)
        time.sleep(1)
    publishing.join()
    eventually(lambda: [worker.metric("deepsentry_consumer_lag") for worker in workers] == [0, 0])
    assert all(peak - before < 400 * MIB for peak, before in zip(most, calm, strict=True))
    assert finish(run).nothing
