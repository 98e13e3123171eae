"""Groups that were deleted, and records that retention took before anyone read them."""

import pytest
from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from deepsentry import topics
from tests.faults.conftest import Finish
from tests.faults.run import Run
from tests.integration.stream import Stream, eventually

STAGES = ("sanitize", "score")


def admin(stream: Stream) -> AdminClient:
    return AdminClient({"bootstrap.servers": stream.kafka.bootstrap})


def forgotten(stream: Stream, group: str) -> bool:
    """Delete the group; the broker refuses for as long as it waits for a member that was killed."""
    client = admin(stream)  # it must outlive the answer
    try:
        client.delete_consumer_groups([group])[group].result(10)
    except KafkaException:
        return False
    return True


@pytest.mark.long
def test_groups_that_were_deleted_read_everything_again_and_tell_nothing_else(run: Run, finish: Finish) -> None:
    workers = run.work(*STAGES)
    run.publish(0.6)
    eventually(lambda: run.stream.sanitized() and run.stream.scored())
    for worker in workers:
        worker.kill()
    for stage in STAGES:
        eventually(lambda stage=stage: forgotten(run.stream, f"{run.stream.prefix}-{stage}"))
    run.work(*STAGES)
    assert finish(run).nothing


def test_what_retention_took_unread_is_said_and_counted_and_the_rest_comes_through(run: Run) -> None:
    stream = run.stream
    [worker] = run.work("sanitize")
    read = run.publish(0.5) // 3  # of each partition
    eventually(stream.sanitized)
    worker.kill()
    run.publish()
    gone = 200
    client = admin(stream)
    for deleted in client.delete_records([TopicPartition(topics.RAW.name, 0, read + gone)]).values():
        deleted.result(10)
    [worker] = run.work("sanitize")
    eventually(stream.sanitized)
    came = {(entry.raw.partition, entry.raw.offset) for entry in stream.clean()}
    lost = run.places() - came
    assert {partition for partition, _ in lost} == {0}
    assert len(lost) == worker.metric("deepsentry_records_lost_total", topic=topics.RAW.name) > 0
    [said] = worker.said("records_lost")
    assert (said["partition"], said["records"], said["before"]) == (0, len(lost), read + gone)
