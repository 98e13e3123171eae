"""A broker that is killed and stays away for long, with all three stages at work."""

import time

import pytest

from deepsentry import topics
from tests.faults.conftest import Finish
from tests.faults.outcome import Outcome, audit
from tests.faults.run import PATIENCE, Run, Site, ready
from tests.integration.stream import eventually

STAGES = ("sanitize", "score", "alert")


@pytest.mark.long
def test_a_broker_that_is_away_for_two_minutes_loses_no_line_no_anomaly_and_no_alert(
    run: Run, site: Site, undisturbed: Outcome, finish: Finish
) -> None:
    workers = run.work(*STAGES)
    run.publish(0.5)
    eventually(lambda: run.stream.handled("score", topics.CLEAN.name) > 0)
    site.kafka.kill()
    try:
        eventually(lambda: all(worker.misses_broker() for worker in workers))
        time.sleep(120)
        assert all(worker.misses_broker() and worker.live().status == 200 for worker in workers)
    finally:
        site.kafka.start()
    eventually(lambda: all(ready(worker) for worker in workers), PATIENCE)
    audit(run.stream, undisturbed)
    assert finish(run).nothing
    told = run.outcome().anomalies.keys()
    eventually(lambda: {each for alert in run.stream.alerts() for each in alert.anomaly_ids} >= told)
