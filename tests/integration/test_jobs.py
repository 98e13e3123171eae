"""Training jobs on a real broker: taken, reported, refused, stopped, and taken anew when their worker is killed."""

import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from confluent_kafka import Producer

from deepsentry import topics, wire
from deepsentry.demo.shop import Shop
from deepsentry.events import Job, JobReport, WorkerStatus
from deepsentry.local import free_port
from models.registry import Registry
from streams.batch.jobs import ENDED
from tests.integration.stream import Stream, eventually, shop_entries

FAST = {"epochs": 1, "seed": 1}


@pytest.fixture
def shop_stream(stream: Stream) -> Stream:
    """A stream whose clean topic holds the shop's traffic; its workers take a silent one for dead soon."""
    stream.environment["DEEPSENTRY_WORKER__LOST_AFTER"] = "8"
    stream.publish_clean(shop_entries(Shop(1).normal(1_790_000_000.0, 300)))
    return stream


def ask(stream: Stream, name: str, *, stopped: bool = False, **parameters: str | float | bool) -> None:
    job = Job(name, "train", "shop", "web", "ann", "shop-web", datetime.now(UTC), parameters, stopped)
    producer = Producer({"bootstrap.servers": stream.kafka.bootstrap})
    producer.produce(topics.JOBS.name, wire.encode(job), name.encode())
    assert producer.flush(10) == 0


def reports(stream: Stream, name: str) -> list[JobReport]:
    """Return the reports that count: the first of each number."""
    found: dict[int, JobReport] = {}
    for record in stream.stored(topics.REPORTS.name):
        report = wire.decode(JobReport, record.value)
        if report.job == name:
            found.setdefault(report.number, report)
    return [found[number] for number in sorted(found)]


def ended(stream: Stream, name: str) -> JobReport | None:
    last = reports(stream, name)[-1:]
    return last[0] if last and last[0].state in ENDED else None


def test_a_job_becomes_a_version_that_nobody_promoted_and_a_wrong_one_says_why(shop_stream: Stream) -> None:
    worker = shop_stream.work("train")
    ask(shop_stream, "wrong", epoch=3)
    ask(shop_stream, "right", budget=50.0, **FAST)
    assert "unknown field `epoch`" in eventually(lambda: ended(shop_stream, "wrong")).message
    last = eventually(lambda: ended(shop_stream, "right"), 120)
    assert (last.state, last.version and last.version.version) == ("registered", 1), last.message
    told = reports(shop_stream, "right")
    assert [report.number for report in told] == list(range(1, len(told) + 1))
    assert [told[0].state, told[1].state] == ["starting", "running"]
    registry = Registry(shop_stream.home / "registry")
    assert registry.champion("shop-web") is None
    trained, _ = registry.read("shop-web", 1)
    assert trained.metadata.budget == 50.0
    assert trained.metadata.origin == {"job": "right", "project": "shop", "dataset": "web", "owner": "ann"}
    statuses = [wire.decode(WorkerStatus, record.value) for record in shop_stream.stored(topics.WORKERS.name)]
    assert {status.stage for status in statuses} == {"train"}
    assert worker.end() == 0


def test_a_job_is_stopped_and_one_whose_worker_is_killed_is_taken_anew(shop_stream: Stream) -> None:
    first = shop_stream.work("train")
    ask(shop_stream, "long", epochs=500, seed=1)
    eventually(lambda: len(reports(shop_stream, "long")) > 1)
    ask(shop_stream, "long", epochs=500, seed=1, stopped=True)
    assert eventually(lambda: ended(shop_stream, "long")).state == "stopped"
    ask(shop_stream, "hard", promote=True, **FAST)
    eventually(lambda: len(reports(shop_stream, "hard")) > 1)
    first.kill()
    second = shop_stream.work("train")
    last = eventually(lambda: ended(shop_stream, "hard"), 120)
    assert last.state == "registered", last.message
    taken = [report for report in reports(shop_stream, "hard") if report.state == "starting"]
    assert [report.facts["try"] for report in taken] == [1, 2]
    champion = Registry(shop_stream.home / "registry").champion("shop-web")
    assert champion == last.version
    assert [listed.version for listed in Registry(shop_stream.home / "registry").versions("shop-web")] == [1]
    assert second.lives


def test_a_worker_that_is_told_to_end_gives_its_job_back_and_leaves_no_process(shop_stream: Stream) -> None:
    worker = shop_stream.work("train")
    ask(shop_stream, "long", epochs=500, seed=1)
    eventually(lambda: len(reports(shop_stream, "long")) > 1)
    children = f"--ppid={worker.process.pid}"
    assert worker.end() == 0
    last = reports(shop_stream, "long")[-1]
    assert (last.state, last.facts["try"]) == ("queued", 0)
    assert subprocess.run(["/bin/ps", children], check=False, capture_output=True).stdout.count(b"\n") == 1


def test_a_job_whose_worker_is_gone_ends_itself() -> None:
    job = Job("j", "train", "shop", "web", "ann", "shop-web", datetime.now(UTC))
    environment = {**os.environ, "DEEPSENTRY_KAFKA__BOOTSTRAP": f"127.0.0.1:{free_port()}"}  # it waits for a broker
    command = [sys.executable, "-m", "streams.batch.jobchild"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as child:
        assert child.stdin is not None
        child.stdin.write(wire.encode(job) + b"\n")
        child.stdin.close()
        assert child.wait(60) == 1
