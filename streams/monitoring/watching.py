"""Shell: what a stream worker sees of itself every second, and what it tells the others now and then."""

import os
import socket
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import cast

import faust

from deepsentry import logs, topics, wire
from deepsentry.events import WorkerStatus
from deepsentry.sections import Kafka
from deepsentry.settings import Settings
from streams.monitoring.health import worker_id
from streams.monitoring.meter import Meter
from streams.transport.chunks import ChunkConsumer
from streams.transport.outbox import Outbox, Outgoing

log = logs.get("app")


def watch(app: faust.App, kafka: Kafka, outbox: Outbox, meter: Meter) -> Callable[[], Awaitable[None]]:
    """Return what notes lag, losses and whether the broker answers."""
    away = f"no broker answers at {kafka.bootstrap}"

    async def look() -> None:
        consumer = cast("ChunkConsumer", app.consumer)
        behind = consumer.behind()
        for tp, lag in behind.items():
            meter.metrics.lag.labels(tp.topic, str(tp.partition)).set(lag)
        for tp, records in consumer.lost().items():
            meter.metrics.lost.labels(tp.topic, str(tp.partition)).inc(records)
        meter.metrics.assigned.set(len(behind))
        meter.metrics.last_commit.set(consumer.committed_at)
        lost = app.consumer_generation_id and not consumer.reaches_broker()
        waiting = away if lost or outbox.waiting else ""
        if waiting != meter.progress.waiting:
            meter.progress.waiting = waiting
            log.warning("waiting" if waiting else "resumed", reason=waiting or f"{kafka.bootstrap} answers again")
        meter.progress.assigned = len(behind) if app.consumer_generation_id else None
        # what is held makes no progress, and a restart would not help
        meter.progress.beat(sum(lag for tp, lag in behind.items() if not consumer.holds(tp)))

    return look


def tell_status(
    app: faust.App, settings: Settings, stage: str, outbox: Outbox, meter: Meter
) -> Callable[[], Awaitable[None]]:
    """Return what publishes the status; while the broker is away it waits, and says then how things are then."""
    name, started_at = worker_id(settings, stage), _at(time.time())
    seen, seen_at = 0, time.monotonic()

    async def tell() -> None:
        nonlocal seen, seen_at
        if outbox.waiting:
            return
        consumer = cast("ChunkConsumer", app.consumer)
        progress = meter.progress
        reasons = progress.ready()
        version, challenger = progress.versions()
        now, records = time.monotonic(), progress.records
        rate = (records - seen) / max(now - seen_at, 1e-3)
        seen, seen_at = records, now
        status = WorkerStatus(
            worker=name,
            stage=stage,
            host=socket.gethostname(),
            pid=os.getpid(),
            at=_at(time.time()),
            started_at=started_at,
            ready=not reasons,
            reasons=tuple(reasons),
            version=version,
            challenger=challenger,
            lag={f"{tp.topic}/{tp.partition}": lag for tp, lag in sorted(consumer.behind().items())},
            lines_per_s=round(rate, 1),
            committed_at=_at(consumer.committed_at) if consumer.committed_at else None,
        )
        await outbox.publish([Outgoing(topics.WORKERS.name, name.encode(), wire.encode(status))])

    return tell


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
