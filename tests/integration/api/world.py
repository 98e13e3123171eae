"""A project with what it works with, on real servers, and people who may or may not."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from api.indexing.indexer import Indexer
from api.store.projects import Project
from deepsentry import topics, wire
from deepsentry.events import Anomaly, ModelReference
from deepsentry.kafka import Stored, read
from tests.integration.api.house import House, Someone
from tests.integration.stream import Stream
from tests.unit.streams.alerts.builders import anomaly

NEW = {"name": "web", "title": "Web", "topic": topics.CLEAN.name, "key": "request ([0-9]+)", "budget": 20.0}
"""A dataset."""
NOBODY = "0" * 32
REFERENCE = ModelReference("shop", 1, "d" * 64)
T = TypeVar("T")


def strange(name: str = "a1", **changes: Any) -> Anomaly:
    """Return an anomaly that the project's model found just now."""
    return anomaly(name, **{"service": "shop", "model": REFERENCE, "detected_at": datetime.now(UTC), **changes})


@dataclass
class World:
    """A project with a topic, a model of two versions and what was found, and people who may or may not."""

    house: House
    stream: Stream
    project: Project
    ann: Someone
    vic: Someone
    eve: Someone
    other: Project

    @property
    def url(self) -> str:
        return f"/projects/{self.project.id}"

    async def get(self, path: str, who: Someone | None = None, **params: str | float) -> dict[str, object]:
        found = await self.house.client.get(self.url + path, headers=(who or self.ann).headers, params=params)
        assert found.status_code == 200, found.text
        body: dict[str, object] = found.json()
        return body

    async def tell(self, topic: topics.Topic, key: str, value: object) -> None:
        """Let the indexer read what stands on a topic."""
        record = Stored(topic.name, 0, 0, 0.0, key.encode(), wire.encode(value), ())
        await Indexer(self.house.parts.work, self.house.parts.found, self.house.now, lambda _: None).take(record)

    def on(self, topic: topics.Topic, kind: type[T]) -> list[T]:
        return [wire.decode(kind, record.value) for record in read(self.stream.settings.kafka, topic.name)]
