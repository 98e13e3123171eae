"""From publish to anomaly: an open loop that sends at times fixed in advance, whatever comes back.

Planted are short sessions of statements that no training has seen, which the score worker judges at once: just as many
lines as the version needs to call them an anomaly, and none after them. Latency runs from the time at which the last of
these was due to be sent until a consumer of the anomalies topic has the anomaly: a sender or a stream that falls behind
counts against it (Tene, How NOT to Measure Latency, 2015).
"""

import threading
import time
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
from confluent_kafka import Consumer, Producer, TopicPartition

from deepsentry import kafka as broker
from deepsentry import topics, wire
from deepsentry.bench.bed import CONFIRMED_WITHIN, Bed
from deepsentry.bench.corpus import PLANTED, STRANGE, Corpus, Due, Planted
from deepsentry.demo.processes import Worker
from deepsentry.errors import DataError, KafkaError
from deepsentry.events import Anomaly
from deepsentry.sections import Kafka
from models.prepare import Observed
from models.registry import Registry

PLANTED_A_SECOND: Final = 20
WARM: Final = 5.0
"""Seconds at the begin whose anomalies do not count."""
LATEST: Final = 15.0
"""Seconds after the last line; what was not told by then is missing."""
LEAD: Final = 2.0
_ENCODING: Final = 3e-5
"""Seconds a line, with room: all is encoded before the first is due."""
_TICK: Final = 0.001


class Hop(msgspec.Struct, frozen=True):
    """A part of the way, in milliseconds; the broker's own stamps, to the millisecond, divide it."""

    p50_ms: float
    p99_ms: float


class Latency(msgspec.Struct, frozen=True):
    """From the time due to the anomaly in a consumer's hands; of `planted` sessions the `missing` ones gave none."""

    p50_ms: float
    p99_ms: float
    max_ms: float
    planted: int
    missing: int
    sender_late_p99_ms: float
    """How late the sender was itself; it is part of the latency."""
    hops: dict[str, Hop]
    cpu_us_per_line: dict[str, float]
    """Of each worker at this pace: small chunks cost more a line than those of a backlog."""


class Sighting(msgspec.Struct, frozen=True):
    """A planted anomaly: when it came (Unix seconds), when it was stored, where its last line stands raw and clean."""

    at: float
    stored: float
    raw: tuple[int, int]
    clean: tuple[int, int]


class Listener:
    """Reads the anomalies topic in a thread of its own, from now on."""

    def __init__(self, kafka: Kafka) -> None:
        config = broker.librdkafka_config(kafka) | {"group.id": "deepsentry-bench", "enable.auto.commit": False}
        self.seen: dict[int, Sighting] = {}
        self._consumer = Consumer(config)
        ends = broker.end_offsets(kafka, topics.ANOMALIES.name)
        self._consumer.assign([TopicPartition(topics.ANOMALIES.name, p, end) for p, end in ends.items()])
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._over.set()
        self._thread.join()
        self._consumer.close()

    def _listen(self) -> None:
        while not self._over.is_set():
            message = self._consumer.poll(0.05)  # `consume` would wait for more of them
            if message is not None and message.error() is None:
                self._note(time.time(), message.timestamp()[1] / 1000, message.value() or b"")

    def _note(self, at: float, stored: float, value: bytes) -> None:
        anomaly = wire.decode(Anomaly, value)
        if anomaly.host.startswith(PLANTED):
            line = anomaly.lines[-1]
            raw, clean = (line.raw.partition, line.raw.offset), (line.clean.partition, line.clean.offset)
            self.seen.setdefault(int(anomaly.host.removeprefix(PLANTED)), Sighting(at, stored, raw, clean))


def measure(
    stream: Bed, corpus: Corpus, workers: Sequence[Worker], rate: float, seconds: float, partitions: int
) -> Latency:
    """Send `rate` lines a second to so many raw partitions while `workers` are at work. Raises KafkaError."""
    kafka = stream.settings.kafka
    length = needed(stream, corpus)
    planted = Planted(max(2 * length, round(rate / PLANTED_A_SECOND)), length, first=int(rate * 1000))
    start = time.time() + LEAD + _ENCODING * rate * seconds
    plan = list(corpus.live(start, rate, seconds, planted))
    listener = Listener(kafka)
    before = [worker.cpu_seconds() for worker in workers]
    try:
        late = send(kafka, plan, partitions)
        wanted = {due.planted: due.at for due in plan if due.planted is not None and due.at - start > WARM}
        deadline = time.monotonic() + LATEST
        while wanted.keys() - listener.seen.keys() and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        listener.close()
    if not wanted.keys() & listener.seen.keys():
        message = f"none of {len(wanted)} planted sessions became an anomaly"
        raise KafkaError(message)
    spent = {
        worker.stage: round(1e6 * (worker.cpu_seconds() - since) / len(plan), 2)
        for worker, since in zip(workers, before, strict=True)
    }
    return _latency(kafka, wanted, listener.seen, late, spent)


def needed(stream: Bed, corpus: Corpus) -> int:
    """Return how many strange lines the champion calls an anomaly. Raises DataError where it takes all of them."""
    models = stream.settings.models
    registry = Registry(models.registry)
    champion = registry.champion(models.name)
    if champion is None:
        message = f"no version of {models.name} in {models.registry}: train one"
        raise DataError(message)
    detector = registry.load(models.name, champion.version)
    templates = tuple(detector.template(text) for text in corpus.strange(len(STRANGE)))
    for length in range(1, len(templates) + 1):
        [verdict] = detector.judge([Observed(templates[:length], complete=False, kind="session")])
        if verdict.score > 1:
            return length
    message = f"{len(templates)} statements that were never seen are no anomaly to {champion.name} {champion.version}"
    raise DataError(message)


def send(kafka: Kafka, plan: Sequence[Due], partitions: int) -> list[float]:
    """Send each record when it is due, dealt out to the partitions; return by how many seconds each was late."""
    producer = Producer(
        broker.librdkafka_config(kafka) | {"enable.idempotence": True, "compression.type": "lz4", "linger.ms": 1}
    )
    late: list[float] = []
    place = 0
    while place < len(plan):
        now = time.time()
        while place < len(plan) and plan[place].at <= now:
            producer.produce(topics.RAW.name, plan[place].record, partition=place % partitions)
            late.append(now - plan[place].at)
            place += 1
        producer.poll(0)
        if place < len(plan):
            time.sleep(max(_TICK, plan[place].at - time.time()))
    if left := producer.flush(CONFIRMED_WITHIN):
        message = f"{topics.RAW.name}: {left} records were not taken"
        raise KafkaError(message)
    return late


def _latency(
    kafka: Kafka,
    wanted: dict[int, float],
    seen: dict[int, Sighting],
    late: Sequence[float],
    spent: dict[str, float],
) -> Latency:
    found = [(at, seen[number]) for number, at in wanted.items() if number in seen]
    raw = _stamps(kafka, topics.RAW.name, [sighting.raw for _, sighting in found])
    clean = _stamps(kafka, topics.CLEAN.name, [sighting.clean for _, sighting in found])
    whole = [sighting.at - at for at, sighting in found]
    return Latency(
        p50_ms=_percentile(whole, 50),
        p99_ms=_percentile(whole, 99),
        max_ms=_percentile(whole, 100),
        planted=len(wanted),
        missing=len(wanted) - len(found),
        sender_late_p99_ms=_percentile(late, 99),
        hops={
            "publish": _hop([raw[s.raw] - at for at, s in found]),
            "sanitize": _hop([clean[s.clean] - raw[s.raw] for _, s in found]),
            "score": _hop([s.stored - clean[s.clean] for _, s in found]),
            "receive": _hop([s.at - s.stored for _, s in found]),
        },
        cpu_us_per_line=spent,
    )


def _stamps(kafka: Kafka, topic: str, places: Sequence[tuple[int, int]]) -> dict[tuple[int, int], float]:
    wanted = set(places)
    begin = {partition: min(o for p, o in wanted if p == partition) for partition in {p for p, _ in wanted}}
    return {
        (record.partition, record.offset): record.timestamp
        for record in broker.read(kafka, topic, begin=begin)
        if (record.partition, record.offset) in wanted
    }


def _hop(seconds: Sequence[float]) -> Hop:
    return Hop(_percentile(seconds, 50), _percentile(seconds, 99))


def _percentile(seconds: Sequence[float], share: float) -> float:
    return round(1000 * float(np.percentile(np.array(seconds), share)), 1)
