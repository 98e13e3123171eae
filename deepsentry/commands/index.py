"""The process that brings what stands on the topics into the store: the worker `index`."""

import asyncio
import secrets
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from prometheus_client import CollectorRegistry

from api.indexing.following import Following
from api.indexing.indexer import FOLLOWED, Indexer, Views
from api.metrics import ApiMetrics
from api.parts import utc_now
from api.store.driver import MongoStore
from api.store.found import Found, KeptRejected
from api.store.work import Named, Work
from api.stream import KafkaStream
from deepsentry import logs, topics
from deepsentry.errors import DeepSentryError
from deepsentry.events import WorkerStatus
from deepsentry.kafka import Stored
from deepsentry.settings import Settings
from streams.alerts.visible import visible
from streams.deadletters.quarantine import parse
from streams.deadletters.replay import replayed_from
from streams.deadletters.viewing import view
from streams.monitoring.health import STATUS_EVERY, HealthServer, Progress, worker_id
from streams.monitoring.needs import wait_for_topics
from streams.redaction import create_redactor

KEPT: Final = timedelta(milliseconds=topics.REJECTED.retention_ms)
SHORT: Final = 200

log = logs.get("indexer")


def run(settings: Settings) -> None:
    """Follow the topics until a signal ends the process."""
    metrics = ApiMetrics(CollectorRegistry())
    progress = Progress(facts={"stage": "index"})
    health = HealthServer(settings.worker.host, settings.worker.port, progress, metrics.registry)
    health.start()
    log.info("worker_starts", stage="index", health=f"http://{settings.worker.host}:{health.port}/health/ready")
    wait_for_topics(settings.kafka, FOLLOWED, progress)
    asyncio.run(_follow(settings, metrics, progress))


async def _follow(settings: Settings, metrics: ApiMetrics, progress: Progress) -> None:
    store = MongoStore(settings.mongo, metrics)
    stream = KafkaStream(settings.kafka)
    following = Following(settings.kafka, Indexer(Work(store), Found(store), utc_now, shown(settings)))
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)

    def beat() -> None:
        progress.beat(lag=0)
        progress.assigned = len(following.lag)
        progress.waiting = following.waiting

    telling = asyncio.create_task(_tell(settings, stream, following, progress))
    try:
        await following.run(stopping, beat)
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
        await stream.close()
        await store.close()


async def _tell(settings: Settings, stream: KafkaStream, following: Following, progress: Progress) -> None:
    name, started_at, seen = worker_id(settings, "index"), utc_now(), 0
    host, pid, _ = name.rsplit("/", 2)
    while True:
        await asyncio.sleep(STATUS_EVERY)
        reasons = tuple(progress.ready())
        status = WorkerStatus(
            name,
            "index",
            host,
            int(pid),
            utc_now(),
            started_at,
            ready=not reasons,
            reasons=reasons,
            lag=dict(sorted(following.lag.items())),
            lines_per_s=round((following.records - seen) / STATUS_EVERY, 1),
        )
        seen = following.records
        try:
            await stream.publish(topics.WORKERS, name, status)
        except DeepSentryError as error:
            log.warning("status_untold", reason=str(error))


def shown(settings: Settings, clock: Callable[[], float] = time.time) -> Views:
    """Return what makes of a rejected record what may be shown of it: redacted, cut, harmless."""
    key = settings.redaction.site_key.get_secret_value().encode() or secrets.token_bytes(32)
    redactor = create_redactor(settings.redaction.model_copy(update={"engine": "portable"}), key)

    def show(record: Stored) -> KeptRejected | None:
        found = parse(record)
        if found is None or found.at + KEPT.total_seconds() < clock():
            return None
        safe = view(found, redactor)
        at = datetime.fromtimestamp(found.at, UTC)
        source = found.source
        return KeptRejected(
            id=f"{record.partition}-{record.offset}",
            topic=source.topic,
            source=f"{source.topic}/{source.partition}/{source.offset}",
            elements=found.elements if found.count > 1 else "",
            reason=visible(found.reason, SHORT),
            stage=visible(found.stage, SHORT),
            detail=safe.detail,
            created_at=at,
            key=safe.key,
            headers=tuple(Named(name, value) for name, value in safe.headers),
            text=safe.text,
            bytes=found.length,
            origin=found.origin,
            replay_of=visible(replayed_from(found.headers), SHORT),
            expires_at=at + KEPT,
        )

    return show
