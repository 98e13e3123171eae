"""Jobs: asked for, looked at, ended. The topic is the truth, and the store shows it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from api.cursors import Asked, Paged, Sort, joined_page
from api.errors import Conflict
from api.indexing.indexer import Indexer
from api.parts import Parts
from api.roles import Principal
from api.store.collection import Join, Joined
from api.store.projects import Project
from api.store.users import User
from api.store.where import Where, above, among, differs, equal, search
from api.store.work import ENDED, KeptJob, KeptReport, Value
from api.work import datasets, grants
from deepsentry import topics
from deepsentry.errors import NotFound
from deepsentry.events import Job, JobKind

SORTS: Final = {
    "-created_at": Sort("created_at", -1, datetime),
    "created_at": Sort("created_at", 1, datetime),
    "model": Sort("model", 1, str),
    "-model": Sort("model", -1, str),
}
JOINS: Final = [Join("owner", "users", User), Join("project", "projects", Project)]
MOST_UNENDED: Final = 100
"""Jobs of a project that have not ended, at most."""
MOST_PROJECTS: Final = 1000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which jobs are meant; what is empty does not count."""

    state: str = ""
    kind: str = ""
    model: str = ""
    text: str = ""

    def where(self) -> tuple[Where, ...]:
        """Return the conditions."""
        said = {"state": self.state, "kind": self.kind, "model": self.model}
        return (*(equal(name, value) for name, value in said.items() if value), *search("words", self.text))


async def train(
    parts: Parts, principal: Principal, project: str, dataset_id: str, model: str, parameters: dict[str, Value]
) -> KeptJob:
    """Ask for a training. Raises NotFound for another's dataset, topic or model."""
    dataset = await datasets.get(parts, project, dataset_id)
    await grants.require(parts, project, "topic", dataset.topic)  # it may have been taken away since
    await grants.take_model(parts, principal, project, model)
    told: dict[str, Value] = {"topic": dataset.topic, "key": dataset.key, "budget": dataset.budget, **parameters}
    return await ask(parts, principal, project, "train", dataset.id, model, told)


async def ask(
    parts: Parts,
    principal: Principal,
    project: str,
    kind: JobKind,
    dataset: str,
    model: str,
    parameters: dict[str, Value],
) -> KeptJob:
    """Put a job on the topic and return it as the store has it. Raises Conflict, StreamAway."""
    open_ones = (equal("project", project), *(differs("state", state) for state in ENDED))
    if await parts.work.jobs.count(*open_ones, at_most=MOST_UNENDED) >= MOST_UNENDED:
        message = f"{MOST_UNENDED} jobs of this project have not ended; wait for them, or end some"
        raise Conflict(message)
    job = Job(parts.new_id(), kind, project, dataset, principal.id, model, parts.now(), parameters)
    await parts.stream.publish(topics.JOBS, job.id, job)
    await indexer_of(parts).job(job)
    parts.metrics.jobs.labels(kind).inc()
    await parts.audit.note(principal, "job.created", job.id, project=project, facts={"kind": kind, "model": model})
    return await get(parts, project, job.id)


async def stop(parts: Parts, principal: Principal, project: str, id_: str) -> KeptJob:
    """Ask for the end of a job. Raises NotFound, Conflict where it has ended, StreamAway."""
    kept = await get(parts, project, id_)
    if kept.state in ENDED:
        message = f"it has ended: {kept.state}"
        raise Conflict(message)
    job = event_of(kept)
    await parts.stream.publish(topics.JOBS, id_, msgspec.structs.replace(job, stopped=True))
    await indexer_of(parts).job(msgspec.structs.replace(job, stopped=True))
    await parts.audit.note(principal, "job.stopped", id_, project=project)
    return await get(parts, project, id_)


async def get(parts: Parts, project: str, id_: str) -> KeptJob:
    """Return a job. Raises NotFound."""
    found = await parts.work.jobs.get(equal("id", id_), equal("project", project))
    if found is None:
        message = "no such job"
        raise NotFound(message)
    return found


async def listed(parts: Parts, project: str, asked: Asked, sort: str, wanted: Wanted) -> Paged[Joined[KeptJob]]:
    """Return the jobs of a project, each with its owner and its project, by one query."""
    which = (equal("project", project), *wanted.where())
    return await joined_page(parts.work.jobs, asked, SORTS[sort], JOINS, *which)


async def recent(parts: Parts, principal: Principal, asked: Asked, sort: str, wanted: Wanted) -> Paged[Joined[KeptJob]]:
    """Return the jobs of all projects that somebody belongs to, the same way; of the house, for its admins."""
    mine = () if principal.role == "admin" else (among("project", tuple(principal.projects)[:MOST_PROJECTS]),)
    return await joined_page(parts.work.jobs, asked, SORTS[sort], JOINS, *mine, *wanted.where())


async def reports(parts: Parts, project: str, id_: str, after: int, limit: int) -> list[KeptReport]:
    """Return what was said of a job after report `after`, in order. Raises NotFound."""
    await get(parts, project, id_)
    return await parts.work.reports.find(equal("job", id_), above("number", after), order=(("number", 1),), limit=limit)


def event_of(kept: KeptJob) -> Job:
    """Return the job as it was asked for."""
    return Job(
        kept.id,
        kept.kind,
        kept.project,
        kept.dataset,
        kept.owner,
        kept.model,
        kept.created_at,
        kept.parameters,
        kept.stopped,
    )


def indexer_of(parts: Parts) -> Indexer:
    """Return what keeps an event as the indexer will, so that who asked sees it at once."""
    return Indexer(parts.work, parts.found, parts.now, lambda _: None)
