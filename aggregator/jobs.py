"""Jobs from the control plane, and reports back to it, over the broker."""

from collections.abc import Iterable
from typing import Final

from confluent_kafka import Consumer, KafkaException, Producer

from deepsentry import logs, topics, wire
from deepsentry.errors import WireError
from deepsentry.events.work import Job, JobReport
from deepsentry.kafka import librdkafka_config
from deepsentry.sections import Kafka

GROUP: Final = "aggregator"
AT_ONCE: Final = 100

log = logs.get("federation")


class Topics:
    """Reads `jobs` and writes `jobs.reports`; a job is in the home's queue before its offset is committed."""

    def __init__(self, kafka: Kafka) -> None:
        config = librdkafka_config(kafka)
        self._consumer = Consumer(
            config
            | {
                "group.id": f"{kafka.group_prefix}-{GROUP}",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
            }
        )
        self._consumer.subscribe([topics.JOBS.name])
        self._producer = Producer(config | {"enable.idempotence": True})
        self._taken = False

    def poll(self) -> Iterable[Job]:
        """Return the federations that were asked for since; what is none of ours is passed over."""
        if self._taken:
            self._commit()
        found = []
        for message in self._consumer.consume(AT_ONCE, 0.0):
            if message.error():
                log.warning("jobs_unreadable", error=str(message.error()))
                continue
            self._taken = True
            value = message.value()
            if value is None:
                continue
            try:
                job = wire.decode(Job, value)
            except WireError as error:
                log.warning("job_unreadable", error=str(error))
                continue
            if job.kind == "federate":
                found.append(job)
        return found

    def publish(self, report: JobReport) -> None:
        """Tell how far a job is; a broker that is away gets it later."""
        key = f"{report.job}/{report.number}".encode()
        try:
            self._producer.produce(topics.REPORTS.name, wire.encode(report), key)
        except BufferError:
            log.warning("report_dropped", job=report.job, number=report.number)
        self._producer.poll(0)

    def close(self) -> None:
        """Send what is left and leave the group."""
        self._producer.flush(5)
        self._consumer.close()

    def _commit(self) -> None:
        try:
            self._consumer.commit(asynchronous=False)
        except KafkaException as error:
            log.warning("jobs_not_committed", error=str(error))
        self._taken = False
