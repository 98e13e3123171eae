"""Exemptions as data: what nobody is told of."""

from typing import Annotated

from fastapi import Query, Response

from api.dependencies import HouseParts, Id, Operating, Page, Seen, Viewing, tag
from api.routing import router
from api.schemas.common import PageOf
from api.schemas.work import NewSilence, SilenceShown
from api.store.work import KeptSilence
from api.work import silences
from api.work.silences import Condition, Wanted

routes = router("/projects/{project}/silences", "silences")


@routes.post("", status_code=201)
async def create_silence(new: NewSilence, scope: Operating, parts: HouseParts, response: Response) -> SilenceShown:
    """Let nobody be told of what matches, until then; it holds for the project's own models only."""
    conditions = tuple(Condition(each.label, each.operator, each.value) for each in new.match)
    wanted = Wanted(new.reason, new.until, new.fingerprint, new.template, conditions)
    return _shown(await silences.create(parts, scope.principal, scope.project.id, wanted), response)


@routes.get("")
async def list_silences(
    scope: Viewing,
    parts: HouseParts,
    asked: Page,
    standing: Annotated[bool, Query(description="Only those that have not ended.")] = False,  # noqa: FBT002 - a query
) -> PageOf[SilenceShown]:
    """Return the silences of the project, the newest first."""
    found = await silences.listed(parts, scope.project.id, asked, standing=standing)
    return PageOf(items=[SilenceShown.model_validate(each) for each in found.items], next=found.next)


@routes.get("/{silence}")
async def show_silence(silence: Id, scope: Viewing, parts: HouseParts, response: Response) -> SilenceShown:
    """Return a silence."""
    return _shown(await silences.get(parts, scope.project.id, silence), response)


@routes.delete("/{silence}")
async def end_silence(silence: Id, scope: Operating, parts: HouseParts, seen: Seen, response: Response) -> SilenceShown:
    """Let a silence expire now; it stays to be seen."""
    return _shown(await silences.end(parts, scope.principal, scope.project.id, silence, seen), response)


def _shown(found: KeptSilence, response: Response) -> SilenceShown:
    tag(response, found.revision)
    return SilenceShown.model_validate(found)
