import json
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, Counter

from streams.monitoring.health import HEARTBEAT_WITHIN, PROGRESS_WITHIN, HealthServer, Progress


class Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def progress(time: Time) -> Progress:
    """A worker at work, with something to do."""
    progress = Progress(clock=time, assigned=3, facts={"stage": "score"})
    progress.beat(0)
    progress.beat(7)
    return progress


def test_a_worker_at_work_is_live_and_ready(progress: Progress) -> None:
    assert (progress.live(), progress.ready()) == ([], [])


def test_a_silent_event_loop_is_not_alive(progress: Progress, time: Time) -> None:
    time.now += HEARTBEAT_WITHIN + 1
    assert progress.live() == ["the event loop did not answer for 11 s"]


def test_a_worker_that_makes_no_progress_with_work_to_do_is_not_alive(progress: Progress, time: Time) -> None:
    time.now += PROGRESS_WITHIN + 1
    progress.beat(7)
    assert progress.live() == ["no progress for 301 s with 7 records to do"]


def test_a_worker_with_nothing_to_do_lives_for_ever(progress: Progress, time: Time) -> None:
    time.now += 10 * PROGRESS_WITHIN
    progress.beat(0)
    assert progress.live() == []


def test_a_worker_that_waits_for_the_broker_lives_and_is_not_ready(progress: Progress, time: Time) -> None:
    progress.waiting = "no broker answers at 127.0.0.1:9092"
    time.now += 10 * PROGRESS_WITHIN
    progress.beat(7)
    assert progress.live() == []
    assert progress.ready() == ["no broker answers at 127.0.0.1:9092"]


def test_before_the_first_assignment_a_worker_is_not_ready(progress: Progress) -> None:
    progress.assigned = None
    assert progress.ready() == ["no assignment from the consumer group yet"]


def test_one_worker_more_than_partitions_is_ready_as_well(progress: Progress) -> None:
    progress.assigned = 0
    assert progress.ready() == []


@pytest.fixture
def server(progress: Progress) -> Iterator[str]:
    registry = CollectorRegistry()
    Counter("deepsentry_things", "Things", registry=registry).inc(2)
    server = HealthServer("127.0.0.1", 0, progress, registry)
    server.start()
    yield f"http://127.0.0.1:{server.port}"
    server.stop()


def get(url: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own address
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def test_ready_is_200_with_the_facts(server: str) -> None:
    status, body = get(f"{server}/health/ready")
    assert (status, json.loads(body)) == (200, {"ok": True, "reasons": [], "lag": 7, "stage": "score"})


def test_not_ready_is_503_with_the_reason(server: str, progress: Progress) -> None:
    progress.waiting = "no broker answers"
    assert get(f"{server}/health/live")[0] == 200
    status, body = get(f"{server}/health/ready")
    assert (status, json.loads(body)["reasons"]) == (503, ["no broker answers"])


def test_metrics_are_in_the_prometheus_format(server: str) -> None:
    status, body = get(f"{server}/metrics")
    assert status == 200
    assert b"deepsentry_things_total 2.0" in body


@pytest.mark.parametrize("path", ["/", "/health", "/metrics/../etc", "/health/ready?x=1"])
def test_any_other_path_is_404(server: str, path: str) -> None:
    assert get(server + path)[0] == 404
