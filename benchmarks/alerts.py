"""What alerts cost and how late they are: `python -m benchmarks.alerts [--anomalies N] [--latency N] [--json]`.

1. A storm: anomalies of ever new fingerprints, within a minute by the clock of the state machine; what people are told,
   what the topic gets, CPU for an anomaly and the memory that stays.
2. The same through a real broker and a real worker: all anomalies published at once.
3. Latency: one anomaly after another, from its publication to its acceptance by a webhook, less the group wait.
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import psutil
from aiohttp import web
from confluent_kafka import Producer

from benchmarks.shown import show
from benchmarks.storm import MINUTE, anomalies, storm
from deepsentry import kafka as broker
from deepsentry import topics, wire
from deepsentry.events import Alert, Anomaly, CleanEntry, Line, Position
from deepsentry.local import LocalKafka
from deepsentry.sections import Kafka

GROUP_WAIT = 0.5
AROUND = 20_000
"""Clean lines that stand before the anomalies whose delay is measured."""


class Ear:
    """A webhook that remembers when it accepted what."""

    def __init__(self) -> None:
        self.accepted: dict[tuple[str, str], float] = {}

    async def hear(self, request: web.Request) -> web.Response:
        """Accept a notice."""
        event = wire.from_json(await request.read())
        assert isinstance(event, dict)  # noqa: S101 - a benchmark
        kind = str(event["type"]).split(".")[3]
        key = (event["data"]["anomaly"]["id"], kind)
        self.accepted.setdefault(key, time.time())
        return web.Response()


async def streamed(home: Path, count: int, probes: int) -> dict[str, Any]:
    """Run a worker on a broker of its own through `probes` single anomalies, then through `count` at once."""
    kafka = LocalKafka(home / "kafka")
    await asyncio.to_thread(kafka.start)
    ear, settings = Ear(), Kafka(bootstrap=kafka.bootstrap, partitions=1)
    runner = web.AppRunner(_app(ear))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    worker = None
    try:
        await asyncio.to_thread(broker.create_topics, settings)
        environment = {
            **os.environ,
            "DEEPSENTRY_KAFKA__BOOTSTRAP": kafka.bootstrap,
            "DEEPSENTRY_ALERTS__GROUP_WAIT": str(GROUP_WAIT),
            "DEEPSENTRY_ALERTS__INCIDENT_AFTER": "0",
            "DEEPSENTRY_ALERTS__MAX_OPEN": "10000" if not count else "100",
            "DEEPSENTRY_ALERTS__MAX_A_MINUTE": "30",
            "DEEPSENTRY_ALERTS__QUIET": "20",
            "DEEPSENTRY_ALERTS__TARGETS__EAR__KIND": "webhook",
            "DEEPSENTRY_ALERTS__TARGETS__EAR__URL": f"http://127.0.0.1:{port}/",
            "DEEPSENTRY_ALERTS__TARGETS__EAR__ALLOW_PRIVATE": "true",
        }
        with (home / "worker.log").open("wb") as sink:
            command = [sys.executable, "-m", "deepsentry", "worker", "alert"]
            worker = subprocess.Popen(command, env=environment, stdout=sink, stderr=sink)  # noqa: S603, ASYNC220
        latency = await _latency(settings, ear, probes)
        result: dict[str, Any] = {"latency": latency}
        if count:
            result["storm through Kafka"] = await _flood(settings, ear, worker.pid, count)
        return result
    finally:
        if worker is not None:
            worker.terminate()
            await asyncio.to_thread(worker.wait, 60)
        await runner.cleanup()
        await asyncio.to_thread(kafka.stop)


async def _latency(settings: Kafka, ear: Ear, probes: int) -> dict[str, Any]:
    producer = Producer({"bootstrap.servers": settings.bootstrap, "linger.ms": 0, "acks": "all"})
    await _said(producer, anomalies(1, "warm"), ear, 90.0)
    lines, waits = _lines(producer), []
    for each in (
        msgspec.structs.replace(a, lines=lines, positions=(AROUND - 1,)) for a in anomalies(probes, "probe", "shop")
    ):
        begun = time.time()
        key = (each.id, "opened")
        producer.produce(topics.ANOMALIES.name, wire.encode(each), each.fingerprint.encode())
        await asyncio.to_thread(producer.flush, 10)
        while key not in ear.accepted:
            if time.time() - begun > MINUTE:
                message = f"{each.id} was not told within a minute"
                raise TimeoutError(message)
            await asyncio.sleep(0.005)
        waits.append(ear.accepted[key] - begun - GROUP_WAIT)
        await asyncio.sleep(max(0.0, begun + 60 / 29 - time.time()))  # below the brake
    cuts = statistics.quantiles(waits, n=100, method="inclusive")
    return {
        "probes": probes,
        "seconds from publication to acceptance, less the group wait": {
            "p50": round(cuts[49], 3),
            "p95": round(cuts[94], 3),
            "p99": round(cuts[98], 3),
            "max": round(max(waits), 3),
        },
    }


def _lines(producer: Producer) -> tuple[Line, ...]:
    """Publish clean lines for the alerts' context, and return the last as the one that deviates."""
    now = time.time()
    for number in range(AROUND):
        raw, at = Position(topics.RAW.name, 0, number), now - 60 + 60 * number / AROUND
        entry = CleanEntry(raw, at, f"order {number} stored after 12 ms in shard {number % 7}", "s", service="shop")
        producer.produce(topics.CLEAN.name, wire.encode(entry), b"s", 0)
        producer.poll(0)
    producer.flush(30)
    return (Line(Position(topics.CLEAN.name, 0, AROUND - 1), raw, at, entry.message, deviates=True),)


async def _said(producer: Producer, found: list[Anomaly], ear: Ear, within: float) -> None:
    for each in found:
        producer.produce(topics.ANOMALIES.name, wire.encode(each), each.fingerprint.encode())
    await asyncio.to_thread(producer.flush, 10)
    deadline = time.time() + within
    while not all((each.id, "opened") in ear.accepted for each in found):
        if time.time() > deadline:
            message = "the worker told nothing"
            raise TimeoutError(message)
        await asyncio.sleep(0.05)


async def _flood(settings: Kafka, ear: Ear, worker: int, count: int) -> dict[str, Any]:
    await asyncio.sleep(61)  # what the probes opened is no part of the next minute
    ear.accepted.clear()
    process = psutil.Process(worker)
    before, spent = process.memory_info().rss, sum(process.cpu_times()[:2])
    began = time.time()
    producer = Producer(
        {"bootstrap.servers": settings.bootstrap, "linger.ms": 20, "queue.buffering.max.messages": 10**6}
    )
    for each in anomalies(count):
        producer.produce(topics.ANOMALIES.name, wire.encode(each), each.fingerprint.encode())
        producer.poll(0)
    await asyncio.to_thread(producer.flush, 120)
    published = time.time() - began
    peak, group = before, f"{settings.group_prefix}-alert"
    while True:
        peak = max(peak, process.memory_info().rss)
        place = await broker.committed(settings, group, topics.ANOMALIES.name, 0)
        if place is not None and place[0] >= broker.end_offsets(settings, topics.ANOMALIES.name)[0]:
            break
        await asyncio.sleep(0.2)
    handled = time.time() - began
    cpu = sum(process.cpu_times()[:2]) - spent
    opened = Counter(kind for _, kind in ear.accepted)
    newest = await asyncio.to_thread(_ended, settings)
    await asyncio.sleep(5)  # until the last end was told
    return {
        "anomalies": count,
        "seconds to publish": round(published, 1),
        "seconds until all were handled": round(handled, 1),
        "told until then": dict(opened),
        "told until all was over": dict(Counter(kind for _, kind in ear.accepted)),
        "summaries": sum(alert.fingerprint == "storm" for alert in newest.values()),
        "counted in alerts and the summary": sum(a.count for a in newest.values() if a.anomaly.id.startswith("storm")),
        "on the anomalies topic": sum(broker.end_offsets(settings, topics.ANOMALIES.name).values()),
        "us of CPU for an anomaly": round(1e6 * cpu / count, 1),
        "MiB of the worker before": round(before / 2**20),
        "MiB of the worker at most": round(peak / 2**20),
    }


def _ended(settings: Kafka) -> dict[str, Alert]:
    """Return alert id -> its newest record, when none is open any more."""
    while True:
        with closing(broker.read(settings, topics.ALERTS.name)) as records:
            found = (wire.decode(Alert, record.value) for record in records)
            newest = {alert.id: alert for alert in found}
        if all(alert.status == "resolved" for alert in newest.values()):
            return newest
        time.sleep(5)


def _app(ear: Ear) -> web.Application:
    app = web.Application()
    app.router.add_post("/", ear.hear)
    return app


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--anomalies", type=int, default=100_000, help="0: no storm")
    parser.add_argument("--latency", type=int, default=100, help="single anomalies, two seconds each")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    result = {"storm in the state machine": storm(arguments.anomalies)} if arguments.anomalies else {}
    with tempfile.TemporaryDirectory(prefix="deepsentry-") as home:
        result |= asyncio.run(streamed(Path(home), arguments.anomalies, arguments.latency))
    show(result, as_json=arguments.json)


if __name__ == "__main__":
    main()
