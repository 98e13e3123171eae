"""The leak rate of a real run: a broker, all three workers, and a search of everything right of sanitize."""

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final
from urllib.request import urlopen

import msgspec
from confluent_kafka import Producer

from benchmarks.planting.corpus import Planted
from benchmarks.redaction_search import Search, Survivor
from deepsentry import kafka as broker
from deepsentry import topics, wire
from deepsentry.bench.bed import Bed, bed, stored, until
from deepsentry.bench.lines import located
from deepsentry.commands.learn import train_version
from deepsentry.commands.output import err
from deepsentry.demo.processes import Worker
from deepsentry.errors import KafkaError
from deepsentry.events import CleanEntry
from models.registry import Registry
from streams.batch import offline
from streams.batch.learning import sanitizer_of

LEARNED: Final = 3_000
"""Records from which a version is trained, so that anomalies and alerts quote the others."""
BROKEN: Final = 100
"""Every so-and-so-many-th record is cut in the middle and sent once more: it will be rejected."""
IDLE: Final = 5.0
"""Seconds after which open sequences are judged."""
QUIET: Final = 10.0
"""Seconds without a new anomaly or alert after which nothing more is to come."""
PATIENCE: Final = 900.0
"""Seconds that each stage of the run may take."""
ERRORS: Final = "__deepsentry.errors."
SETTINGS: Final = {
    "DEEPSENTRY_SEQUENCES__IDLE": str(IDLE),
    "DEEPSENTRY_MODELS__BUDGET": "1000000",
    "DEEPSENTRY_ALERTS__TARGETS__SCREEN__KIND": "terminal",
    "DEEPSENTRY_LOG__LEVEL": "debug",
}


class Leaks(msgspec.Struct, frozen=True):
    """What was published, and what was found of it."""

    records: int
    secrets: int
    """Different values of eight characters or more that were searched."""
    found_in_raw: int
    """The search itself is sound: what it finds where the secrets must stand."""
    leaked: list[Survivor]
    searched_bytes: dict[str, int]
    """Place -> bytes that were searched."""
    anomalies: int
    alerts: int
    rejected: int


def measure(corpus: Sequence[Planted], home: Path, site_key: str) -> Leaks:
    """Publish the corpus, let all workers finish, and search. Raises DeepSentryError."""
    registry = home / "registry"
    with bed(home / "bed", registry, site_key) as stream:
        stream.environment.update(SETTINGS)
        err.print(f"training on {LEARNED:,} of {len(corpus):,} records")
        version = train_version(stream.settings, _learned(stream, corpus))
        Registry(registry).save(stream.settings.models.name, version)
        pages = _run(stream, corpus)
        files = {f"log of {path.stem}": [path.read_bytes()] for path in (home / "bed").glob("*.log")}
        files |= {"registry": [path.read_bytes() for path in registry.rglob("*") if path.is_file()]}
        return _searched(stream, corpus, {**files, "metrics": pages})


def _learned(stream: Bed, corpus: Sequence[Planted]) -> Iterator[CleanEntry]:
    step = max(len(corpus) // LEARNED, 1)
    records = [each.record.value for each in corpus[::step]][:LEARNED]
    for done in offline.sanitized(located(records, time.time()), sanitizer_of(stream.settings)):
        yield from done.clean


def _run(stream: Bed, corpus: Sequence[Planted]) -> list[bytes]:
    """Return the metrics pages of the workers when all is done."""
    with ExitStack() as at_work:
        workers = [at_work.enter_context(stream.worker(stage)) for stage in ("sanitize", "score", "alert")]
        kafka = stream.settings.kafka
        sent = _publish(stream, corpus)
        until("all records sanitized", lambda: _handled(stream) >= sent, workers, PATIENCE)
        clean = stored(kafka, topics.CLEAN)
        score = workers[1]
        until("all entries scored", lambda: (score.metric("deepsentry_entries_total") or 0) >= clean, workers, PATIENCE)
        _settle(stream, workers)
        return [urlopen(address, timeout=10).read() for address in map(_metrics_page, workers)]  # noqa: S310 - our own


def _handled(stream: Bed) -> int:
    return stored(stream.settings.kafka, topics.CLEAN) + stored(stream.settings.kafka, topics.REJECTED)


def _settle(stream: Bed, workers: Iterable[Worker]) -> None:
    kafka = stream.settings.kafka
    seen = (-1, -1)
    changed = time.monotonic()

    def quiet() -> bool:
        nonlocal seen, changed
        now = (stored(kafka, topics.ANOMALIES), stored(kafka, topics.ALERTS))
        if now != seen:
            seen, changed = now, time.monotonic()
        return time.monotonic() - changed > IDLE + QUIET

    until("no more anomalies", quiet, workers, PATIENCE)


def _metrics_page(worker: Worker) -> str:
    address = re.search(r"http://127\.0\.0\.1:\d+", worker.log.read_text(encoding="utf-8", errors="replace"))
    if address is None:
        message = f"the {worker.stage} worker did not say where its metrics are"
        raise KafkaError(message)
    return f"{address[0]}/metrics"


def _publish(stream: Bed, corpus: Sequence[Planted]) -> int:
    """Send every record, some of them broken once more, and return how many."""
    kafka = stream.settings.kafka
    producer = Producer(
        broker.librdkafka_config(kafka) | {"compression.type": "lz4", "queue.buffering.max.messages": 1_000_000}
    )
    count = 0
    for number, each in enumerate(corpus):
        record = each.record
        values = [record.value]
        if number % BROKEN == 0 and record.value.startswith(b"{"):
            values.append(record.value[:-1])
        for value in values:
            producer.produce(
                topics.RAW.name, value, record.key, partition=count % kafka.partitions, headers=list(record.headers)
            )
            count += 1
        if count % 1000 < len(values):
            producer.poll(0)
    if left := producer.flush(120):
        message = f"{topics.RAW.name}: {left} of {count} records were not taken"
        raise KafkaError(message)
    return count


def _searched(stream: Bed, corpus: Sequence[Planted], files: dict[str, list[bytes]]) -> Leaks:
    search = Search({form.encode() for each in corpus for form in each.hidden}, _harmless(corpus))
    kafka = stream.settings.kafka
    size: dict[str, int] = {}
    leaked: list[Survivor] = []

    def look(place: str, texts: Iterable[bytes]) -> None:
        size[place] = 0

        def counted() -> Iterator[bytes]:
            for text in texts:
                size[place] += len(text)
                yield text

        leaked.extend(search.find(place, counted()))

    for topic in topics.TOPICS:
        if topic is not topics.RAW:
            look(topic.name, _texts(stream, topic))
    for place, texts in files.items():
        look(place, texts)
    control = sum(1 for _ in search.find("raw", _texts(stream, topics.RAW)))
    return Leaks(
        records=stored(kafka, topics.RAW),
        secrets=len({each.hidden[0] for each in corpus if len(each.hidden[0]) >= 8}),
        found_in_raw=control,
        leaked=leaked,
        searched_bytes=size,
        anomalies=stored(kafka, topics.ANOMALIES),
        alerts=stored(kafka, topics.ALERTS),
        rejected=stored(kafka, topics.REJECTED),
    )


def _harmless(corpus: Sequence[Planted]) -> Iterator[bytes]:
    """Yield what the records say beside their secrets: a user's name may be part of an address too."""
    for each in corpus:
        text = each.record.value.decode("utf-8", "replace")
        for form in sorted(each.hidden, key=len, reverse=True):
            text = text.replace(wire.encode(form).decode()[1:-1], "\n").replace(form, "\n")
        yield text.encode()


def _texts(stream: Bed, topic: topics.Topic) -> Iterator[bytes]:
    """Yield what a topic says. A dead letter keeps its bytes, key and headers for a replay: there, only our own."""
    for record in broker.read(stream.settings.kafka, topic.name):
        if topic is topics.REJECTED:
            yield from (name.encode() + b"=" + value for name, value in record.headers if name.startswith(ERRORS))
        else:
            yield b"\n".join((record.key, *(value for _, value in record.headers), record.value))
