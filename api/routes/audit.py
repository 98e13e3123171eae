"""The audit log: for admins of the house all of it, for admins of a project what concerns that."""

from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import Query
from starlette.responses import StreamingResponse

from api.audit import Entry
from api.cursors import Paged, Sort, page
from api.dependencies import Admin, Administering, HouseParts, Page
from api.parts import Parts
from api.routing import router
from api.schemas.audit import ChainShown, EntryShown
from api.schemas.common import PageOf
from api.store.where import Where, equal
from deepsentry import wire

routes = router("/audit", "audit")
of_project = router("/projects/{project}/audit", "audit")
LATEST: Final = Sort("number", -1, int)
LINES: Final = "application/x-ndjson"
Actor = Annotated[
    str | None, Query(pattern=r"^(user:|key:)[0-9a-f]{32}$|^house$", description="Only what this one did.")
]


@routes.get("")
async def list_entries(_: Admin, parts: HouseParts, asked: Page, actor: Actor = None) -> PageOf[EntryShown]:
    """Return what was changed in the house, the latest first."""
    where = () if actor is None else (equal("actor", actor),)
    return _shown(await page(parts.audit.all, asked, LATEST, *where))


@routes.get(
    "/export",
    response_class=StreamingResponse,
    responses={200: {"content": {LINES: {"schema": {"type": "string"}}}, "description": "One entry a line"}},
)
async def export_entries(_: Admin, parts: HouseParts) -> StreamingResponse:
    """Return the whole log as JSON, one entry a line, the first first."""
    await parts.store.ping()  # afterwards the status is said
    return StreamingResponse(_lines(parts), media_type=LINES)


@routes.get("/chain")
async def check_chain(_: Admin, parts: HouseParts) -> ChainShown:
    """Compare every entry with its hash, and with the one before."""
    broken = await parts.audit.first_broken()
    return ChainShown(whole=broken is None, first_broken=broken)


@of_project.get("")
async def list_project_entries(scope: Administering, parts: HouseParts, asked: Page) -> PageOf[EntryShown]:
    """Return what was changed in a project, the latest first."""
    return _shown(await page(parts.audit.all, asked, LATEST, equal("project", scope.project.id)))


async def _lines(parts: Parts, *where: Where) -> AsyncIterator[bytes]:
    async for entry in parts.audit.entries(*where):
        yield wire.encode(entry) + b"\n"


def _shown(found: Paged[Entry]) -> PageOf[EntryShown]:
    return PageOf(items=[EntryShown.model_validate(each) for each in found.items], next=found.next)
