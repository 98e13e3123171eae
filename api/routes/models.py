"""Models of a project: versions, and which of them judges."""

import tempfile
from datetime import date
from typing import Annotated, Final

from fastapi import Path, Query, Response
from starlette.requests import Request

from api.bodies import takes
from api.cursors import Sort, decode, encode
from api.dependencies import HouseParts, Operating, Page, Viewing
from api.errors import TooLarge
from api.problems import documented
from api.routing import router
from api.schemas.common import PageOf
from api.schemas.found import (
    Challenge,
    DisagreementShown,
    Models,
    ModelShown,
    Moved,
    PreviewShown,
    Promote,
    ShadowShown,
    VersionInFull,
)
from api.schemas.work import VersionShown
from api.work import comparing, models
from deepsentry.events import ModelReference
from models.registry import Listed

IN_MEMORY: Final = 4_194_304
LARGEST: Final = 1 << 30
"""The operator's limit holds; this one is above whatever an operator can want."""
ARCHIVE: Final = "application/x-tar"
BY_NUMBER: Final = Sort("version", -1, int)

routes = router("/projects/{project}/models", "models")
Model = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$", examples=["detector"])]
Number = Annotated[int, Path(ge=1, lt=10**9, examples=[1])]


@routes.get("", responses=documented(409))
async def list_models(scope: Viewing, parts: HouseParts) -> Models:
    """Return the models of the project, with what judges and what scores beside it."""
    found = await models.champions(parts, scope.project.id)
    return Models(
        items=[ModelShown(name=name, champion=_of(champion), challenger=_of(other)) for name, champion, other in found]
    )


@routes.get("/{model}/versions", responses=documented(409))
async def list_versions(model: Model, scope: Viewing, parts: HouseParts, asked: Page) -> PageOf[VersionInFull]:
    """Return the versions of a model, the newest first; those that cannot be used with the reason."""
    found = await models.versions(parts, scope.project.id, model)
    if asked.cursor is not None:
        last, _ = decode(BY_NUMBER, asked.cursor)
        found = [each for each in found if isinstance(last, int) and each.version < last]
    shown = found[: asked.limit]
    following = encode(BY_NUMBER, shown[-1].version, model) if len(found) > len(shown) else None
    return PageOf(items=[_in_full(each) for each in shown], next=following)


@routes.get("/{model}/versions/{number}", responses=documented(409))
async def show_version(model: Model, number: Number, scope: Viewing, parts: HouseParts) -> VersionInFull:
    """Return where a version comes from, and what was measured when it was made."""
    return _in_full(await models.version(parts, scope.project.id, model, number))


@routes.get(
    "/{model}/versions/{number}/archive",
    response_class=Response,
    responses=documented(409) | {200: {"content": {ARCHIVE: {"schema": {"type": "string", "format": "binary"}}}}},
)
async def export_version(model: Model, number: Number, scope: Operating, parts: HouseParts) -> Response:
    """Return a version as one archive, which `import` takes elsewhere."""
    data = await models.exported(parts, scope.project.id, model, number)
    headers = {"Content-Disposition": f'attachment; filename="{model}-{number}.tar"'}
    return Response(data, media_type=ARCHIVE, headers=headers)


@routes.post(
    "/{model}/archive",
    status_code=201,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {ARCHIVE: {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
@takes(LARGEST)
async def import_version(model: Model, request: Request, scope: Operating, parts: HouseParts) -> VersionShown:
    """Add the version in an archive, checked in every part; no alias moves. The same archive is not added twice."""
    limit, size = parts.settings.api.max_archive_bytes, 0
    with tempfile.SpooledTemporaryFile(IN_MEMORY) as file:
        async for piece in request.stream():
            size += len(piece)
            if size > limit:
                message = f"at most {limit} bytes"
                raise TooLarge(message)
            file.write(piece)
        file.seek(0)
        reference = await models.imported(parts, scope.principal, scope.project.id, model, file)
    return VersionShown.model_validate(reference)


@routes.post("/{model}/promote")
async def promote(body: Promote, model: Model, scope: Operating, parts: HouseParts) -> Moved:
    """Make a version champion; the workers follow within two seconds."""
    moved = await models.promote(parts, scope.principal, scope.project.id, model, body.version, body.instead_of)
    return _moved(*moved)


@routes.post("/{model}/rollback")
async def roll_back(model: Model, scope: Operating, parts: HouseParts) -> Moved:
    """Make champion what was it before; each call goes one step further back."""
    return _moved(*await models.roll_back(parts, scope.principal, scope.project.id, model))


@routes.post("/{model}/shadow")
async def challenge(body: Challenge, model: Model, scope: Operating, parts: HouseParts) -> Moved:
    """Let a version score beside the champion; nobody is told what it finds."""
    return _moved(*await models.challenge(parts, scope.principal, scope.project.id, model, body.version))


@routes.get("/{model}/shadow", responses=documented(409))
async def show_shadow(model: Model, scope: Viewing, parts: HouseParts) -> ShadowShown:
    """Return how the challenger compares with the champion."""
    found = await comparing.shadow(parts, scope.project.id, model)
    return ShadowShown(
        champion=found.champion,
        challenger=found.challenger,
        since=found.since,
        until=found.until,
        judgements=found.figures.pairs,
        mean_difference=round(found.figures.mean_difference, 6),
        deviation=round(found.figures.deviation, 6),
        correlation=None if found.figures.correlation is None else round(found.figures.correlation, 6),
        both=found.both,
        champion_only=found.champion_only,
        challenger_only=found.challenger_only,
        skipped=found.skipped,
        disagreements=[
            DisagreementShown(
                sequence=each.sequence,
                start=str(each.start),
                length=each.length,
                at=each.at,
                champion=each.champion,
                challenger=each.challenger,
                view=each.view,
                summary=each.summary,
            )
            for each in found.disagreements
        ],
        failures=list(found.failures),
        workers=found.workers,
    )


@routes.delete("/{model}/shadow", status_code=204)
async def retire(model: Model, scope: Operating, parts: HouseParts) -> None:
    """Let nothing score beside the champion."""
    await models.retire(parts, scope.principal, scope.project.id, model)


@routes.get("/{model}/preview", responses=documented(409))
async def preview(
    model: Model,
    scope: Viewing,
    parts: HouseParts,
    budget: Annotated[float, Query(gt=0, le=1_000_000, description="False alarms a day, at most.", examples=[5.0])],
    day: Annotated[date | None, Query(description="UTC; null: yesterday.")] = None,
) -> PreviewShown:
    """Return how many sequences of a day a budget would have let through.

    Read from the scores of the week that ends with the day, in steps of nine per cent. Sequences, not alerts: how they
    would have been grouped is not known; and those that were told of before they ended are not counted.
    """
    found = await comparing.preview(parts, scope.project.id, model, budget, day)
    return PreviewShown.model_validate(found)


def _of(reference: ModelReference | None) -> VersionShown | None:
    return None if reference is None else VersionShown.model_validate(reference)


def _moved(reference: ModelReference, announced: bool) -> Moved:  # noqa: FBT001 - it takes a result apart
    return Moved(version=VersionShown.model_validate(reference), announced=announced)


def _in_full(found: Listed) -> VersionInFull:
    if found.metadata is None:
        return VersionInFull(
            version=found.version, digest=found.digest, aliases=list(found.aliases), refused="it cannot be read"
        )
    known = found.metadata
    return VersionInFull(
        version=found.version,
        digest=found.digest,
        aliases=list(found.aliases),
        refused="",
        created_at=known.created_at,
        data_start=known.data_start,
        data_end=known.data_end,
        budget=known.budget,
        key_pattern=known.key_pattern,
        seed=known.seed,
        counts=known.counts,
        metrics=known.metrics,
        origin=known.origin,
        notes=list(known.notes),
    )
