"""A stream under test: a broker with fresh topics, worker processes, and what stands on the topics."""

import asyncio
import functools
import os
import sys
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from deepsentry import kafka as broker
from deepsentry import topics, wire
from deepsentry.demo.envelopes import as_record
from deepsentry.demo.shop import Shop, ShopLine
from deepsentry.events import Alert, Anomaly, CleanEntry
from deepsentry.kafka import Stored
from deepsentry.local import LocalKafka
from deepsentry.sections import Ingest, Kafka, Redaction, Sequences
from deepsentry.settings import Settings
from models.artifact import TrainedVersion
from models.registry import Registry
from models.training import TrainingOptions, train
from streams.batch import offline
from streams.redaction import create_redactor
from streams.sanitizing.sanitize import Located, Sanitizer
from streams.shippers import Record, create_decoder
from streams.windowing.clock import GAP, WAKING
from streams.windowing.keying import Keyer
from tests.integration.workers import Worker

SITE_KEY = "a key for tests, long enough"
PATIENCE = 60.0
PARTITIONS = 3
T = TypeVar("T")


class Stream:
    """Groups have a prefix of their own: one broker serves many tests, one after the other."""

    def __init__(self, home: Path, kafka: LocalKafka, idle: float = 5.0) -> None:
        self.home = home
        self.kafka = kafka
        self.prefix = f"t{time.monotonic_ns()}"
        self.settings = Settings(
            kafka=Kafka(bootstrap=kafka.bootstrap, partitions=PARTITIONS, group_prefix=self.prefix),
            sequences=Sequences(idle=idle),
        )
        self.environment = {
            "DEEPSENTRY_KAFKA__BOOTSTRAP": kafka.bootstrap,
            "DEEPSENTRY_KAFKA__PARTITIONS": str(PARTITIONS),
            "DEEPSENTRY_KAFKA__GROUP_PREFIX": self.prefix,
            "DEEPSENTRY_KAFKA__SESSION_TIMEOUT": "6",
            "DEEPSENTRY_REDACTION__SITE_KEY": SITE_KEY,
            "DEEPSENTRY_MODELS__REGISTRY": str(home / "registry"),
            "DEEPSENTRY_SEQUENCES__IDLE": str(idle),
            "DEEPSENTRY_WORKER__COMMIT_INTERVAL": "0.2",
            "DEEPSENTRY_WORKER__CHUNK": "100",
            "DEEPSENTRY_LOG__FORMAT": "json",
        }
        self.workers: list[Worker] = []

    def __enter__(self) -> Self:
        admin = AdminClient({"bootstrap.servers": self.kafka.bootstrap})
        old = [name for name in admin.list_topics(timeout=10).topics if name.startswith("deepsentry.")]
        for deleted in admin.delete_topics(old).values() if old else ():
            deleted.result(10)
        broker.create_topics(self.settings.kafka)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self.workers:
            worker.kill()
        for worker in self.workers:  # pytest shows it where the test failed
            sys.stderr.write(f"--- {worker.log.name}\n{worker.log.read_text(errors='replace')[-4000:]}\n")

    def work(self, stage: str, **environment: str) -> Worker:
        worker = Worker.start(
            [sys.executable, "-m", "deepsentry", "worker", stage],
            {**os.environ, **self.environment, **environment},
            self.home / f"{stage}-{len(self.workers)}.log",
        )
        self.workers.append(worker)
        return worker

    def publish(
        self,
        values: Iterable[bytes | None],
        topic: str = topics.RAW.name,
        key: bytes | None = None,
        partition: int = -1,
    ) -> int:
        return self.publish_at(((value, partition) for value in values), topic, key)

    def publish_at(
        self, placed: Iterable[tuple[bytes | None, int]], topic: str = topics.RAW.name, key: bytes | None = None
    ) -> int:
        """Publish values each to its partition: in every run the same line stands at the same place."""
        producer = Producer(
            {
                "bootstrap.servers": self.kafka.bootstrap,
                "enable.idempotence": True,
                "linger.ms": 5,
                "message.max.bytes": 8_000_000,
            }
        )
        published = list(placed)
        for value, partition in published:
            producer.produce(topic, value, key, partition)
            producer.poll(0)
        assert producer.flush(30) == 0
        return len(published)

    def publish_clean(self, entries: Iterable[CleanEntry]) -> int:
        """Publish what a sanitize worker would have made."""
        producer = Producer({"bootstrap.servers": self.kafka.bootstrap, "linger.ms": 5})
        published = list(entries)
        for entry in published:
            producer.produce(topics.CLEAN.name, wire.encode(entry), entry.sequence)
            producer.poll(0)
        assert producer.flush(30) == 0
        return len(published)

    def stored(self, topic: str) -> list[Stored]:
        return list(broker.read(self.settings.kafka, topic))

    def clean(self) -> list[CleanEntry]:
        return [entry for _, entry in self.clean_records()]

    def clean_records(self) -> list[tuple[Stored, CleanEntry]]:
        return [(record, wire.decode(CleanEntry, record.value)) for record in self.stored(topics.CLEAN.name)]

    def anomalies(self) -> list[Anomaly]:
        return [wire.decode(Anomaly, record.value) for record in self.stored(topics.ANOMALIES.name)]

    def alerts(self) -> list[Alert]:
        return [wire.decode(Alert, record.value) for record in self.stored(topics.ALERTS.name)]

    def anomaly_ids(self, since: datetime) -> set[str]:
        """Return the ids of anomalies detected after `since`."""
        return {anomaly.id for anomaly in self.anomalies() if anomaly.detected_at > since}

    def sanitized(self) -> bool:
        """Tell whether a sanitize worker handled every raw record."""
        return self.handled("sanitize", topics.RAW.name) >= self.held(topics.RAW.name)

    def scored(self, prefix: str = "") -> bool:
        """Tell whether a score worker handled every clean line that there is."""
        return self.handled("score", topics.CLEAN.name, prefix) >= self.held(topics.CLEAN.name)

    def held(self, topic: str) -> int:
        """Return how many records `topic` got."""
        return sum(broker.end_offsets(self.settings.kafka, topic).values())

    def closed_by_time(self, last: float, within: float = PATIENCE) -> int:
        """Publish lines so much later than `last` that all sequences are over; return how many lines there are then."""
        eventually(self.sanitized, within)
        eventually(self.scored, within)
        # each partition holds time back until it has shown the later lines, too
        later = [shop_records(Shop(9 + partition).normal(last + 1_000_000.0, 40)) for partition in range(PARTITIONS)]
        steps = round(WAKING / GAP) + 2
        for step in range(steps):  # a short stream wakes up only now
            for partition, records in enumerate(later):
                self.publish(
                    records[step * len(records) // steps : (step + 1) * len(records) // steps], partition=partition
                )
            time.sleep(GAP)
        eventually(self.sanitized, within)
        eventually(self.scored, within)
        return self.held(topics.RAW.name)

    def handled(self, stage: str, topic: str, prefix: str = "") -> int:
        """Return how many records of `topic` the group of `stage` has committed."""

        async def sum_up() -> int:
            group = f"{prefix or self.prefix}-{stage}"
            found = [broker.committed(self.settings.kafka, group, topic, p) for p in range(PARTITIONS)]
            return sum(place[0] for place in await asyncio.gather(*found) if place)

        return asyncio.run(sum_up())


def eventually(look: Callable[[], T], within: float = PATIENCE) -> T:
    """Return the first truthy answer of `look`; fail when none came in time."""
    deadline = time.monotonic() + within
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"still {found!r} after {within:.0f} s"
        time.sleep(0.2)


def shop_records(lines: Iterable[ShopLine]) -> list[bytes]:
    return [as_record(line) for line in lines]


def shop_entries(lines: Iterable[ShopLine]) -> list[CleanEntry]:
    """Return what the stream makes of the shop's records, before a model told it what a key looks like."""
    sanitizer = Sanitizer(
        create_decoder(Ingest()), create_redactor(Redaction(), SITE_KEY.encode()), Keyer(offline.BUILT_IN)
    )
    located = (
        Located(Record(value, None, (), 1_800_000_000.0, topics.RAW.name), 0, offset)
        for offset, value in enumerate(shop_records(lines))
    )
    return [entry for done in offline.sanitized(located, sanitizer) for entry in done.clean]


def train_on_the_shop(registry: Path) -> Path:
    """Save a version trained on the shop's normal traffic."""
    Registry(registry).save("detector", shop_version())
    return registry


@functools.cache
def shop_version() -> TrainedVersion:
    """Train on the shop's normal traffic, once a process, for no longer than it takes to find its faults."""
    keyed = offline.key(shop_entries(Shop(1).normal(1_790_000_000.0, 1500)), "")
    options = TrainingOptions(epochs=15, encoder_steps=80, key_pattern=keyed.pattern)
    return train(offline.sequences(keyed.entries, Sequences(idle=5.0)), options, lambda *_: None)
