"""Workers that are killed, stopped for too long, or come and go."""

import time

import pytest

from deepsentry import topics
from tests.faults.conftest import Finish
from tests.faults.outcome import Outcome, audit, committed
from tests.faults.run import IDLE, Run, ready
from tests.integration.stream import eventually
from tests.integration.workers import Worker

STAGES = ("sanitize", "score")
LATE = {"DEEPSENTRY_WORKER__COMMIT_INTERVAL": "5", "DEEPSENTRY_WORKER__CHUNK": "50"}
"""Chunks are published long before they are committed: who is killed then is in the middle of something."""

LATER = {**LATE, "DEEPSENTRY_WORKER__COMMIT_INTERVAL": "12"}
"""The same for longer: a worker that is faster than the test looks must still be caught before it commits."""


def in_the_middle(run: Run) -> bool:
    """Tell whether clean lines stand there whose raw lines nobody committed."""
    done = sum(end for end, _ in committed(run.stream, "sanitize", topics.RAW.name).values())
    return run.stream.held(topics.CLEAN.name) > done


@pytest.mark.parametrize(
    "killed",
    [
        pytest.param(["sanitize"], marks=pytest.mark.long),
        pytest.param(["score"], marks=pytest.mark.long),
        ["sanitize", "score"],
    ],
    ids=" and ".join,
)
def test_a_kill_in_mid_chunk_loses_nothing(run: Run, undisturbed: Outcome, finish: Finish, killed: list[str]) -> None:
    workers = dict(zip(STAGES, run.work(*STAGES, **LATER), strict=True))
    run.publish(0.5)
    eventually(lambda: in_the_middle(run))
    for stage in killed:
        workers[stage].kill()
    audit(run.stream, undisturbed)
    run.publish(0.2)
    run.work(*killed)
    assert finish(run).nothing


@pytest.mark.parametrize(
    "seconds", [10.0, pytest.param(70.0, marks=pytest.mark.long)], ids=lambda seconds: f"{seconds:.0f} s"
)
@pytest.mark.parametrize("stage", [pytest.param("sanitize", marks=pytest.mark.long), "score"])
def test_a_worker_that_stood_still_while_others_took_over_tells_nothing_else(
    run: Run, undisturbed: Outcome, finish: Finish, stage: str, seconds: float
) -> None:
    zombie, _, other = run.work(stage, *STAGES, **LATE)[:: 1 if stage == "sanitize" else -1]
    run.publish(0.5)
    eventually(lambda: in_the_middle(run))
    zombie.pause()
    stopped = time.monotonic()
    run.publish(0.1)
    eventually(lambda: run.stream.sanitized() and run.stream.scored())
    assert zombie.ready().status == 0
    assert ready(other)
    audit(run.stream, undisturbed)
    # until the end, and at once then: lines that stayed away for longer than IDLE would end sessions
    run.publish_slowly(seconds, until=lambda: time.monotonic() - stopped > seconds)
    zombie.resume()
    run.publish()
    eventually(lambda: not zombie.lives or zombie.ready().status == 200)
    assert finish(run).nothing


@pytest.mark.long
def test_a_sanitizer_that_is_missing_for_longer_than_a_session_may_be_silent_cuts_none_in_two(
    run: Run, finish: Finish
) -> None:
    sanitize, _ = run.work(*STAGES, **LATER)
    run.publish(0.3)
    eventually(lambda: run.stream.handled("sanitize", topics.RAW.name) > 0)
    run.publish(0.2)
    eventually(lambda: in_the_middle(run))  # of a stage that has committed: else silence ends sessions by rule
    sanitize.kill()
    time.sleep(2.5 * IDLE)
    run.work("sanitize")
    assert finish(run).nothing


@pytest.mark.long
def test_members_that_come_and_go_every_few_seconds_for_a_minute_change_nothing(run: Run, finish: Finish) -> None:
    run.work(*STAGES)
    ends = [Worker.end, Worker.kill]
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        passing = [run.stream.work(stage) for stage in STAGES]
        run.publish_slowly(60, until=lambda: all(map(ready, passing)))  # noqa: B023 - it is asked in this turn only
        for worker in passing:
            ends[0](worker)
        ends.reverse()
    assert finish(run).nothing
