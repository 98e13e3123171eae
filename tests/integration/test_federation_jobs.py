"""Jobs over a real broker: what the control plane writes reaches the aggregator once, and its reports come back."""

from datetime import UTC, datetime

from confluent_kafka import Producer

from aggregator.jobs import Topics
from deepsentry import kafka as broker
from deepsentry import topics, wire
from deepsentry.events.work import Job, JobReport
from tests.integration.stream import Stream, eventually

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def job(name: str, kind: str = "federate") -> Job:
    return Job(name, kind, "p", "d", "user-7", "detector", NOW, {"rounds": 2})  # type: ignore[arg-type]


def test_jobs_are_taken_once_others_are_passed_over_and_reports_come_back(stream: Stream) -> None:
    kafka = stream.settings.kafka
    producer = Producer(broker.librdkafka_config(kafka))
    for value in (wire.encode(job("a")), b"no job", wire.encode(job("t", "train")), wire.encode(job("b"))):
        producer.produce(topics.JOBS.name, value, b"k")
    producer.flush(10)
    first = Topics(kafka)
    found: list[Job] = []
    eventually(lambda: found.extend(first.poll()) or len(found) == 2)
    assert [j.id for j in found] == ["a", "b"]
    assert found[0].parameters == {"rounds": 2}
    first.poll()  # the offsets of what was taken go with the next look
    for number in (1, 2):
        first.publish(JobReport("a", number, "running", NOW, "round", number, 2))
    first.close()
    again = Topics(kafka)
    producer.produce(topics.JOBS.name, wire.encode(job("c")), b"k")
    producer.flush(10)
    later: list[Job] = []
    eventually(lambda: later.extend(again.poll()) or bool(later))
    again.close()
    assert [j.id for j in later] == ["c"]
    told = [(r.key, wire.decode(JobReport, r.value).number) for r in broker.read(kafka, topics.REPORTS.name)]
    assert told == [(b"a/1", 1), (b"a/2", 2)]
