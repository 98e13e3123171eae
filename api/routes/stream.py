"""How the stream is, and what it could not use."""

from collections import Counter
from typing import Annotated, Any

from fastapi import Path, Query

from api.dependencies import HouseParts, Operating, Page, Viewing
from api.routes.jobs import shown as job_shown
from api.routing import router
from api.schemas.common import Moment, PageOf
from api.schemas.found import LagShown, PipelineShown, WorkerShown
from api.schemas.work import TOPIC, Fact, JobShown, NewReplay, RejectedInFull, RejectedShown, VersionShown
from api.store.found import KeptRejected
from api.store.work import Value
from api.work import pipeline, rejected

routes = router("/projects/{project}", "stream")
RecordId = Annotated[str, Path(pattern=r"^[0-9]{1,9}-[0-9]{1,18}$", examples=["0-4711"])]


@routes.get("/pipeline")
async def show_pipeline(scope: Viewing, parts: HouseParts) -> PipelineShown:
    """Return the workers that handle the project's topics or load its models: lag, rates, versions, last commit."""
    now = parts.now()
    found = await pipeline.status(parts, scope.project.id)
    lag: Counter[str] = Counter()
    rates: dict[str, float] = {}
    workers = []
    for each in found:
        worker = each.worker
        lag[worker.stage] += sum(part.records for part in each.lag)
        rates[worker.stage] = rates.get(worker.stage, 0.0) + worker.lines_per_s
        age = (now - worker.committed_at).total_seconds() if worker.committed_at else None
        workers.append(
            WorkerShown(
                worker=worker.id,
                stage=worker.stage,
                at=worker.at,
                started_at=worker.started_at,
                ready=worker.ready,
                reasons=list(worker.reasons),
                version=VersionShown.model_validate(worker.version) if worker.version else None,
                challenger=VersionShown.model_validate(worker.challenger) if worker.challenger else None,
                records_per_s=worker.lines_per_s,
                committed_at=worker.committed_at,
                commit_age_s=age,
                lag=[LagShown(topic=part.topic, partition=part.partition, records=part.records) for part in each.lag],
            )
        )
    return PipelineShown(workers=workers, lag=dict(lag), records_per_s=rates)


@routes.get("/rejected")
async def list_rejected(
    scope: Viewing,
    parts: HouseParts,
    asked: Page,
    reason: Annotated[str, Query(max_length=64, pattern=r"^[a-z_]*$")] = "",
    topic: Annotated[str | None, Query(pattern=TOPIC)] = None,
    since: Moment | None = None,
) -> PageOf[RejectedShown]:
    """Return records of the project's topics that could not be used, the newest first."""
    found = await rejected.listed(parts, scope.project.id, asked, reason, topic or "", since)
    return PageOf(items=[RejectedShown.model_validate(each) for each in found.items], next=found.next)


@routes.post("/rejected/replay", status_code=201)
async def replay_rejected(new: NewReplay, scope: Operating, parts: HouseParts) -> JobShown:
    """Ask a worker to bring rejected records back to the topic they came from, each once."""
    told: dict[str, Value] = {"reason": new.reason, "limit": new.limit, "again": new.again, "force": new.force}
    if new.since is not None:
        told["since"] = max(0.0, new.since.timestamp())
    made = await rejected.replay(parts, scope.principal, scope.project.id, new.topic, new.ids, told)
    return job_shown(made, scope.project)


@routes.get("/rejected/{record}")
async def show_rejected(record: RecordId, scope: Viewing, parts: HouseParts) -> RejectedInFull:
    """Return a rejected record with what may be shown of its content."""
    return _in_full(await rejected.get(parts, scope.project.id, record))


def _in_full(found: KeptRejected) -> RejectedInFull:
    fields: dict[str, Any] = {name: getattr(found, name) for name in found.__struct_fields__}
    headers = [Fact(name=each.name, value=each.value) for each in found.headers]
    return RejectedInFull.model_validate(fields | {"headers": headers})
