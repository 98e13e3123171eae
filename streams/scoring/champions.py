"""Shell: follows a promotion. The alias in the registry is the truth, the announcement on the topic only the bell."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Self

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError as ClientError

from deepsentry import kafka as broker
from deepsentry import logs, topics
from deepsentry.errors import ModelError
from deepsentry.events import ModelReference
from deepsentry.metrics import Metrics
from deepsentry.settings import Settings
from models.detector import Detector
from models.registry import CHAMPION, Registry

LOOK_EVERY: Final = 2.0
"""Seconds between two looks at the alias where no bell rings."""

log = logs.get("champions")


class Champion:
    """Holds the version that an alias points to; a version that is refused leaves the old one at work."""

    def __init__(self, settings: Settings, metrics: Metrics, alias: str = CHAMPION) -> None:
        self._settings = settings
        self._alias = alias
        self._registry = Registry(settings.models.registry)
        self._metrics = metrics
        self._refused: ModelReference | None = None
        self.refusal = ""
        """Why there is nothing to judge with although a version should; empty where none should, or one does."""
        self.detector: Detector | None = None

    @property
    def version(self) -> ModelReference | None:
        """What judges."""
        return self.detector.reference if self.detector else None

    def refresh(self) -> bool:
        """Load the champion if it is another than ours, and tell whether it changed."""
        name = self._settings.models.name
        wanted: ModelReference | None = None
        try:
            wanted = self._registry.pointed(name, self._alias)
            held = self.version
            if wanted is None:
                self.refusal = ""
                if self._alias != CHAMPION and held:
                    self.detector = None  # it was taken away
                    return True
            if wanted is None or wanted in (held, self._refused):
                return False
            self.detector = self._registry.load(name, wanted.version)
        except ModelError as error:
            self._metrics.models_refused.inc()
            self._refused = wanted
            self.refusal = "" if self.detector else str(error)
            log.error("version_refused", model=name, version=wanted and wanted.version, reason=str(error))  # noqa: TRY400
            return False
        self.refusal = ""
        if self._alias == CHAMPION:
            if held:
                self._metrics.model.remove(held.name, str(held.version))
            self._metrics.model.labels(wanted.name, str(wanted.version)).set(1)
        log.info("version_adopted", model=name, version=wanted.version, digest=wanted.digest, alias=self._alias)
        return True

    async def follow(self, changed: Callable[[], Awaitable[None]]) -> None:
        """Call `changed` after each promotion, for ever."""
        async with _Bell(self._settings) as bell:
            while True:
                await bell.wait()
                if await asyncio.to_thread(self.refresh):
                    await changed()


class _Bell:
    """Rings when something was announced, and now and then by itself: the announcement may have been lost."""

    def __init__(self, settings: Settings) -> None:
        self._consumer = AIOKafkaConsumer(topics.MODELS.name, **broker.aiokafka_config(settings.kafka))
        self._started = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        if self._started:
            await self._consumer.stop()

    async def wait(self) -> None:
        try:
            if not self._started:
                await self._consumer.start()
                self._started = True
            await self._consumer.getmany(timeout_ms=int(LOOK_EVERY * 1000))
        except ClientError:
            await asyncio.sleep(LOOK_EVERY)
