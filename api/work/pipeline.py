"""How the stream is, as far as a project's topics and models are concerned."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from api.parts import Parts
from api.store.found import KeptWorker
from api.store.where import among, any_of, at_least
from api.work import grants

SILENT: Final = timedelta(seconds=60)
"""A worker that says nothing for so long is gone."""
MOST: Final = 1000


@dataclass(frozen=True, slots=True)
class Lag:
    """Records of a partition that no worker of a stage has handled yet."""

    stage: str
    topic: str
    partition: int
    records: int


@dataclass(frozen=True, slots=True)
class Seen:
    """A worker, and the partitions of the project that it reads."""

    worker: KeptWorker
    lag: tuple[Lag, ...]


async def status(parts: Parts, project: str) -> list[Seen]:
    """Return the workers that handle a project's topics or load its models; nothing of others' stands in them."""
    topics = await grants.names(parts, project, "topic")
    models = await grants.names(parts, project, "model")
    mine = any_of((among("topics", topics),), (among("models", models),))
    lately = at_least("at", parts.now() - SILENT)
    found = await parts.found.workers.find(lately, mine, limit=MOST)
    return [_seen(each, frozenset(topics), frozenset(models)) for each in found]


def _seen(worker: KeptWorker, topics: frozenset[str], models: frozenset[str]) -> Seen:
    lag = []
    for named in worker.lag:
        topic, _, partition = named.name.rpartition("/")
        if topic in topics and partition.isdecimal():
            lag.append(Lag(worker.stage, topic, int(partition), int(named.value)))
    version = worker.version if worker.version and worker.version.name in models else None
    challenger = worker.challenger if worker.challenger and worker.challenger.name in models else None
    fields = {name: getattr(worker, name) for name in worker.__struct_fields__}
    return Seen(KeptWorker(**fields | {"version": version, "challenger": challenger}), tuple(lag))
