"""A stream to measure: an embedded Kafka, a full raw topic, and workers as an operator starts them."""

import itertools
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from confluent_kafka import Producer

from deepsentry import kafka as broker
from deepsentry import local, settings
from deepsentry.demo.processes import Worker
from deepsentry.errors import KafkaError, LocalServerError
from deepsentry.sections import Kafka
from deepsentry.settings import Settings
from deepsentry.topics import Topic

STALLED: Final = 180.0
"""Seconds without progress after which a run is given up."""
CONFIRMED_WITHIN: Final = 120.0


class Bed:
    """The broker's address in `settings`, and the environment in which its workers run."""

    def __init__(self, effective: Settings, environment: dict[str, str], folder: Path) -> None:
        self.settings = effective
        self.environment = environment
        self._folder = folder

    def bytes_stored(self, topic: Topic) -> int:
        """Return how many bytes the broker's files hold of `topic`, compressed as they came, indexes aside."""
        segments = (self._folder / "kafka" / "data").glob(f"{topic.name}-*/*.log")
        return sum(segment.stat().st_size for segment in segments)

    @contextmanager
    def worker(self, stage: str) -> Iterator[Worker]:
        """Run one stage for as long as the block lasts; it is ready when the block begins. Raises LocalServerError."""
        worker = Worker(stage, self.environment, self._folder)
        try:
            until(f"{stage} worker ready", worker.ready, [worker])
            yield worker
        finally:
            worker.stop()
            worker.wait()


@contextmanager
def bed(home: Path, registry: Path, site_key: str) -> Iterator[Bed]:
    """Run an embedded Kafka in `home`; every setting that need not be another has its default.

    What the topics held goes with the block; logs of the workers stay.
    """
    # the broker comes and goes with the run: what the client library says of that is no news
    logging.getLogger("librdkafka").setLevel(logging.CRITICAL)
    home.mkdir(parents=True, exist_ok=True)
    try:
        with local.servers(home) as servers:
            environment = environment_of(os.environ, home) | {
                "DEEPSENTRY_KAFKA__BOOTSTRAP": servers.kafka.bootstrap,
                "DEEPSENTRY_REDACTION__SITE_KEY": site_key,
                "DEEPSENTRY_MODELS__REGISTRY": str(registry),
                "DEEPSENTRY_LOG__FORMAT": "json",
            }
            effective, _ = settings.load(environment)
            broker.create_topics(effective.kafka)
            yield Bed(effective, environment, home)
    finally:
        shutil.rmtree(home / "kafka", ignore_errors=True)


def environment_of(environ: Mapping[str, str], home: Path) -> dict[str, str]:
    """Return `environ` without the reader's own settings, which would change what is measured."""
    config = home / "deepsentry.toml"
    config.touch()
    foreign = {name: value for name, value in environ.items() if not name.startswith(settings.PREFIX)}
    return foreign | {"DEEPSENTRY_CONFIG": str(config)}


def publish(kafka: Kafka, topic: str, records: Iterable[bytes], partitions: int) -> int:
    """Deal `records` out to the first so many partitions, in order, and return how many. Raises KafkaError."""
    producer = Producer(
        broker.librdkafka_config(kafka)
        | {"enable.idempotence": True, "compression.type": "lz4", "queue.buffering.max.messages": 1_000_000}
    )
    refused: list[str] = []
    count = 0

    def confirmed(error: object, _message: object) -> None:
        if error is not None:
            refused.append(str(error))

    for record, partition in zip(records, itertools.cycle(range(partitions)), strict=False):
        producer.produce(topic, record, partition=partition, on_delivery=confirmed)
        count += 1
        if count % 1000 == 0:
            producer.poll(0)
    left = producer.flush(CONFIRMED_WITHIN)
    if refused or left:
        message = (
            f"{topic}: {len(refused) + left} of {count} records were not taken; {next(iter(refused), 'no answer')}"
        )
        raise KafkaError(message)
    return count


def stored(kafka: Kafka, topic: Topic) -> int:
    """Return how many records `topic` holds, retention aside."""
    return sum(broker.end_offsets(kafka, topic.name).values())


def until(
    what: str, done: Callable[[], bool], workers: Iterable[Worker], within: float = STALLED, every: float = 0.2
) -> None:
    """Return when `done`; look `every` so many seconds. Raises LocalServerError after `within` seconds."""
    watched = list(workers)
    deadline = time.monotonic() + within
    while not done():
        for worker in watched:
            worker.check()
        if time.monotonic() > deadline:
            ends = "; ".join(f"{worker.stage}: {worker.said()}" for worker in watched)
            message = f"{what}: not within {within:.0f} s; {ends}"
            raise LocalServerError(message)
        time.sleep(every)
