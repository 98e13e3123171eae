"""Jobs: asked for, listed, watched, ended."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final, Literal

from fastapi import Depends, Header, Query
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request
from starlette.responses import Response

from api.dependencies import HouseParts, Id, Operating, Page, Person, Viewing
from api.errors import Away, InvalidInput, TooMany, Unknown
from api.parts import Parts
from api.routing import router
from api.schemas.common import PageOf
from api.schemas.work import Fact, JobShown, NewTraining, ProjectOf, Reports, ReportShown, VersionShown
from api.schemas.work import Person as PersonOf
from api.store.collection import Joined
from api.store.projects import Project
from api.store.users import User
from api.store.work import ENDED, KeptJob, KeptReport, Value
from api.work import jobs
from api.work.jobs import Wanted
from deepsentry import wire
from deepsentry.errors import NotFound
from deepsentry.events import JobKind, JobState

LOOK_EVERY: Final = 0.5
ASK_EVERY: Final = 15.0
"""Seconds between two looks whether who watches still may."""
LONGEST: Final = 900.0
"""Seconds of one stream; then the client asks again, and goes on where it was."""
MOST_STREAMS: Final = 200
AT_ONCE: Final = 200
EVENT: Final = {
    "title": "ReportEvent",
    "type": "object",
    "required": ["id", "event", "data"],
    "properties": {
        "id": {"type": "string", "pattern": "^[1-9][0-9]*$", "examples": ["2"]},
        "event": {"const": "report"},
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": {"$ref": "#/components/schemas/ReportShown"},
        },
    },
}
"""Of each event: OpenAPI 3.1 has no word for the items of a stream, and by custom this is the schema of one."""

routes = router("", "jobs")
Sorted = Annotated[Literal["-created_at", "created_at", "model", "-model"], Query(alias="sort")]


async def wanted(
    state: JobState | None = None,
    kind: JobKind | None = None,
    model: Annotated[str, Query(max_length=63, pattern=r"^[a-z0-9-]*$")] = "",
    q: Annotated[str, Query(max_length=200, description="Beginnings of words: kind, model, id.")] = "",
) -> Wanted:
    """Return which jobs are meant."""
    return Wanted(state or "", kind or "", model, q)


Which = Annotated[Wanted, Depends(wanted)]


@routes.get("/jobs")
async def recent_jobs(
    principal: Person, parts: HouseParts, asked: Page, which: Which, sort: Sorted = "-created_at"
) -> PageOf[JobShown]:
    """Return the jobs of all your projects, each with its owner and its project."""
    found = await jobs.recent(parts, principal, asked, sort, which)
    return PageOf(items=[_joined(each) for each in found.items], next=found.next)


@routes.post("/projects/{project}/jobs", status_code=201)
async def create_training(new: NewTraining, scope: Operating, parts: HouseParts) -> JobShown:
    """Ask for a training; a worker takes it, and the version that comes of it is promoted only if you say so."""
    told: dict[str, Value] = {"seed": new.seed, "epochs": new.epochs, "promote": new.promote}
    if new.since is not None:
        told["since"] = max(0.0, new.since.timestamp())
    if new.budget is not None:
        told["budget"] = new.budget
    made = await jobs.train(parts, scope.principal, scope.project.id, new.dataset, new.model, told)
    return shown(made, scope.project)


@routes.get("/projects/{project}/jobs")
async def list_jobs(
    scope: Viewing, parts: HouseParts, asked: Page, which: Which, sort: Sorted = "-created_at"
) -> PageOf[JobShown]:
    """Return the jobs of the project."""
    found = await jobs.listed(parts, scope.project.id, asked, sort, which)
    return PageOf(items=[_joined(each) for each in found.items], next=found.next)


@routes.get("/projects/{project}/jobs/{job}")
async def show_job(job: Id, scope: Viewing, parts: HouseParts) -> JobShown:
    """Return a job, and the last that was said of it."""
    return shown(await jobs.get(parts, scope.project.id, job), scope.project)


@routes.post("/projects/{project}/jobs/{job}/stop")
async def stop_job(job: Id, scope: Operating, parts: HouseParts) -> JobShown:
    """Ask for the end of a job; its worker ends it within seconds."""
    return shown(await jobs.stop(parts, scope.principal, scope.project.id, job), scope.project)


@routes.get("/projects/{project}/jobs/{job}/reports")
async def list_reports(
    job: Id, scope: Viewing, parts: HouseParts, after: Annotated[int, Query(ge=0, lt=2**31)] = 0
) -> Reports:
    """Return what was said of a job after report `after`, at most 200."""
    found = await jobs.reports(parts, scope.project.id, job, after, AT_ONCE)
    return Reports(items=[ReportShown.model_validate(each) for each in found])


@routes.get(
    "/projects/{project}/jobs/{job}/events",
    response_class=EventSourceResponse,
    responses={
        200: {
            "description": "Server-sent events `report`; the id of each is its number, and its data what /reports has.",
            "content": {"text/event-stream": {"schema": EVENT}},
        },
        204: {"description": "The job has ended and you have its last report: ask no more."},
    },
)
async def watch_job(
    request: Request,
    job: Id,
    scope: Viewing,
    parts: HouseParts,
    last_event_id: Annotated[str, Header(max_length=20, description="Number of the last report that you have.")] = "",
) -> Response:
    """Stream what is said of a job until it ends; a client that comes again goes on where it was."""
    if last_event_id and not (last_event_id.isascii() and last_event_id.isdecimal() and int(last_event_id) < 2**31):
        raise InvalidInput({"header.last-event-id": "the number of a report"})
    after = int(last_event_id or 0)
    kept = await jobs.get(parts, scope.project.id, job)
    if kept.state in ENDED and after >= kept.number:
        return Response(status_code=204)  # by which clients of event streams know that they need not come again
    state = request.app.state
    if getattr(state, "streams", 0) >= MOST_STREAMS:
        message = f"{MOST_STREAMS} streams are open here; ask again in a moment, or read /reports"
        raise TooMany(message, 5.0)
    return EventSourceResponse(_events(request, parts, scope.project.id, job, after))


async def _events(request: Request, parts: Parts, project: str, job: str, after: int) -> AsyncIterator[ServerSentEvent]:
    state = request.app.state
    state.streams = getattr(state, "streams", 0) + 1
    began = asked = time.monotonic()
    try:
        while time.monotonic() - began < LONGEST:
            try:
                if time.monotonic() - asked > ASK_EVERY:
                    asked = time.monotonic()
                    principal = await parts.access.principal(request.headers.get("authorization", ""))
                    if principal.role_in(project) is None:
                        return
                found = await jobs.reports(parts, project, job, after, AT_ONCE)
            except (Unknown, NotFound):
                return
            except Away:
                found = []
            for each in found:
                after = each.number
                yield _event(each)
                if each.state in ENDED:
                    return
            await asyncio.sleep(LOOK_EVERY)
    finally:
        state.streams -= 1


def _event(report: KeptReport) -> ServerSentEvent:
    data = wire.encode(ReportShown.model_validate(report).model_dump(mode="json")).decode()
    return ServerSentEvent(data, event="report", id=str(report.number))


def shown(job: KeptJob, project: Project | None = None, owner: User | None = None) -> JobShown:
    """Return a job as it is answered."""
    fields: dict[str, Any] = {name: getattr(job, name) for name in job.__struct_fields__}
    fields |= {
        "project": ProjectOf(id=job.project, name=project.name if project else None),
        "owner": PersonOf(id=job.owner, name=owner.name if owner else None),
        "facts": [Fact(name=each.name, value=each.value) for each in job.facts],
        "version": VersionShown.model_validate(job.version) if job.version else None,
    }
    return JobShown.model_validate(fields)


def _joined(found: Joined[KeptJob]) -> JobShown:
    owner, project = found.others["owner"], found.others["project"]
    return shown(
        found.value, project if isinstance(project, Project) else None, owner if isinstance(owner, User) else None
    )
