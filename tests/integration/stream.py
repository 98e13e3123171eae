"""A stream under test: one embedded broker, worker processes, and what stands on the topics."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from confluent_kafka import Producer

from deepsentry import kafka as broker
from deepsentry import topics, wire
from deepsentry.commands.learn import train_version
from deepsentry.demo.envelopes import as_record
from deepsentry.demo.shop import Shop, ShopLine
from deepsentry.events import Anomaly, CleanEntry
from deepsentry.kafka import Stored
from deepsentry.local import LocalKafka
from deepsentry.settings import Ingest, Kafka, Redaction, Sequences, Settings
from models.registry import Registry
from streams import offline
from streams.keying import Keyer
from streams.redaction import create_redactor
from streams.sanitize import Located, Sanitizer
from streams.shippers import Record, create_decoder

SITE_KEY = "a key for tests, long enough"
PATIENCE = 60.0
T = TypeVar("T")


class Stream:
    def __init__(self, home: Path) -> None:
        self.home = home
        self.kafka = LocalKafka(home / "kafka")
        self.environment = {
            "DEEPSENTRY_KAFKA__BOOTSTRAP": self.kafka.bootstrap,
            "DEEPSENTRY_KAFKA__PARTITIONS": "3",
            "DEEPSENTRY_KAFKA__SESSION_TIMEOUT": "6",
            "DEEPSENTRY_REDACTION__SITE_KEY": SITE_KEY,
            "DEEPSENTRY_MODELS__REGISTRY": str(home / "registry"),
            "DEEPSENTRY_SEQUENCES__IDLE": "5",
            "DEEPSENTRY_WORKER__COMMIT_INTERVAL": "0.2",
            "DEEPSENTRY_WORKER__CHUNK": "100",
            "DEEPSENTRY_LOG__FORMAT": "json",
        }
        self.workers: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        self.kafka.start()
        self.settings = Settings(
            kafka=Kafka(bootstrap=self.kafka.bootstrap, partitions=3),
            sequences=Sequences(idle=5.0),
        )
        broker.create_topics(self.settings.kafka)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self.workers:
            worker.kill()
            worker.wait()
        if error is not None:
            for log in sorted(self.home.glob("*.log")):
                sys.stderr.write(f"--- {log.name}\n{log.read_text(errors='replace')[-4000:]}\n")
        self.kafka.stop()

    def work(self, stage: str, **environment: str) -> subprocess.Popen[bytes]:
        with (self.home / f"{stage}-{len(self.workers)}.log").open("wb") as log:
            worker = subprocess.Popen(
                [sys.executable, "-m", "deepsentry", "worker", stage],
                env={**os.environ, **self.environment, **environment},
                stdout=log,
                stderr=log,
            )
        self.workers.append(worker)
        return worker

    def publish(self, values: Iterable[bytes | None], topic: str = topics.RAW.name) -> int:
        producer = Producer({"bootstrap.servers": self.kafka.bootstrap, "linger.ms": 5, "message.max.bytes": 8_000_000})
        published = list(values)
        for value in published:
            producer.produce(topic, value)
            producer.poll(0)
        assert producer.flush(30) == 0
        return len(published)

    def stored(self, topic: str) -> list[Stored]:
        return list(broker.read(self.settings.kafka, topic))

    def clean(self) -> list[CleanEntry]:
        return [wire.decode(CleanEntry, record.value) for record in self.stored(topics.CLEAN.name)]

    def anomalies(self) -> list[Anomaly]:
        return [wire.decode(Anomaly, record.value) for record in self.stored(topics.ANOMALIES.name)]

    def handled(self, group: str, topic: str) -> int:
        """Return how many records of `topic` the group has committed."""

        async def sum_up() -> int:
            total = 0
            for partition in range(self.settings.kafka.partitions):
                found = await broker.committed(self.settings.kafka, group, topic, partition)
                total += found[0] if found else 0
            return total

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


def train_on_the_shop(registry: Path) -> Path:
    """Save a version trained on what the stream would have made of the shop's records."""
    sanitizer = Sanitizer(create_decoder(Ingest()), create_redactor(Redaction(), SITE_KEY.encode()), Keyer("x^"))
    located = (
        Located(Record(value, None, (), 1_800_000_000.0, topics.RAW.name), 0, offset)
        for offset, value in enumerate(shop_records(Shop(1).normal(1_790_000_000.0, 3000)))
    )
    entries = (entry for done in offline.sanitized(located, sanitizer) for entry in done.clean)
    version = train_version(Settings(sequences=Sequences(idle=5.0)), entries)
    Registry(registry).save("detector", version)
    return registry


def kill(worker: subprocess.Popen[bytes]) -> None:
    """End a worker as a crash of its machine would."""
    worker.send_signal(signal.SIGKILL)
    worker.wait()
