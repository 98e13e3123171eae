"""A broker that is killed, comes back, or is not there yet."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deepsentry import topics
from deepsentry.demo.shop import Shop
from deepsentry.local import LocalKafka
from deepsentry.sections import Kafka
from streams.transport.outbox import Outbox, Outgoing
from tests.integration.stream import Stream, eventually, shop_records
from tests.integration.workers import Worker

IDLE = 20.0
BEGIN = 1_795_000_000.0


def is_ready(worker: Worker) -> bool:
    return worker.ready().status == 200


def test_a_broker_that_is_killed_and_comes_back_loses_no_line_and_changes_no_anomaly(fragile_stream: Stream) -> None:
    stream = fragile_stream
    lines, _ = Shop(7).faults(BEGIN, 500, each=2)
    records = shop_records(lines)
    half = len(records) // 2
    began = datetime.now(UTC)
    sanitize, score = (stream.work(stage, DEEPSENTRY_SEQUENCES__IDLE=str(IDLE)) for stage in ("sanitize", "score"))
    eventually(lambda: is_ready(sanitize) and is_ready(score))
    stream.publish(records[:half])
    eventually(lambda: stream.handled("score", topics.CLEAN.name) > 0)

    stream.kafka.kill()
    eventually(lambda: sanitize.misses_broker() and score.misses_broker())
    assert sanitize.live().status == score.live().status == 200
    assert len(score.said("waiting")) == 1
    stream.kafka.start()
    stream.publish(records[half:])
    eventually(lambda: is_ready(sanitize) and is_ready(score))
    everything = stream.closed_by_time(lines[-1].timestamp)
    assert sanitize.lives
    assert score.lives
    assert len(score.said("resumed")) == 1
    assert len({(entry.raw.partition, entry.raw.offset) for entry in stream.clean()}) == everything

    again, disturbed = datetime.now(UTC), stream.anomaly_ids(began)
    score.kill()
    stream.work("score", DEEPSENTRY_KAFKA__GROUP_PREFIX="undisturbed", DEEPSENTRY_SEQUENCES__IDLE=str(IDLE))
    eventually(lambda: stream.scored("undisturbed"))
    assert stream.anomaly_ids(again) == disturbed
    assert len(disturbed) >= 8

    stream.kafka.kill()
    eventually(sanitize.misses_broker)
    sanitize.process.terminate()
    sanitize.process.wait(30)


@pytest.fixture
def absent(tmp_path: Path) -> Iterator[Stream]:
    """A broker that nobody started yet."""
    stream = Stream(tmp_path, LocalKafka(tmp_path / "kafka"))
    yield stream
    for worker in stream.workers:
        worker.kill()
    stream.kafka.stop()


def test_a_worker_waits_for_the_broker_and_then_for_its_topics_and_says_so(absent: Stream) -> None:
    worker = absent.work("sanitize")
    eventually(lambda: worker.said("waiting"))
    assert worker.misses_broker()
    assert worker.live().status == 200
    absent.kafka.start()
    eventually(lambda: any("deepsentry topics create" in reason for reason in worker.ready().reasons))
    with absent:
        eventually(lambda: is_ready(worker))


async def test_what_is_published_while_no_broker_answers_arrives_when_one_does(absent: Stream) -> None:
    outbox = Outbox(Kafka(bootstrap=absent.kafka.bootstrap))
    publishing = asyncio.create_task(outbox.publish([Outgoing(topics.CLEAN.name, b"key", b"value")]))
    while not outbox.waiting:
        assert not publishing.done(), publishing.result()
        await asyncio.sleep(0.05)
    await asyncio.to_thread(absent.kafka.start)
    await asyncio.to_thread(absent.__enter__)  # makes the topics
    await publishing
    assert not outbox.waiting
    assert [record.value for record in absent.stored(topics.CLEAN.name)] == [b"value"]
    await outbox.stop()


async def test_the_last_record_of_each_partition_carries_what_goes_with_the_last(stream: Stream) -> None:
    outbox = Outbox(Kafka(bootstrap=stream.kafka.bootstrap))
    clean = [Outgoing(topics.CLEAN.name, b"key", b"%d" % n, partition=n % 2) for n in range(5)]
    rejected = Outgoing(topics.REJECTED.name, b"key", b"5", [("reason", b"empty")])
    mark = ("mark", b"1")
    await outbox.publish([*clean, rejected], {topics.CLEAN.name: [mark]})
    found = [*stream.stored(topics.CLEAN.name), *stream.stored(topics.REJECTED.name)]
    assert {record.value: record.headers for record in found} == dict.fromkeys((b"0", b"1", b"2"), ()) | dict.fromkeys(
        (b"3", b"4"), (mark,)
    ) | {b"5": (("reason", b"empty"),)}
    await outbox.stop()
