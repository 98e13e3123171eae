"""For probes and for Prometheus: outside /api/v1, without sign-in, and without a word on what is inside."""

import hmac
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import Field

from api import health
from api.dependencies import HouseParts
from api.errors import Unknown
from api.problems import documented
from api.schemas.common import Shown

routes = APIRouter(tags=["health"])


class Live(Shown):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Dependency(Shown):
    """One server that this one needs."""

    ok: bool
    seconds: float = Field(ge=0, examples=[0.0012])
    meaning: str = Field(description="What its absence means.", examples=[""])
    reason: str = Field(
        description="Why it does not answer, without addresses.", examples=["the store does not answer in time"]
    )


class Ready(Shown):
    """Whether it can work now."""

    status: health.State
    dependencies: dict[str, Dependency]


@routes.get("/health/live", responses=documented(500))
async def live() -> Live:
    """Tell that the process answers."""
    return Live()


@routes.get(
    "/health/ready", responses=documented(500) | {503: {"model": Ready, "description": "It cannot work without this"}}
)
async def ready(parts: HouseParts, response: Response) -> Ready:
    """Ask every server that this one needs."""
    state, looks = await health.look(parts)
    response.status_code = 503 if state == "away" else 200
    return Ready(
        status=state,
        dependencies={
            each.name: Dependency(ok=each.ok, seconds=round(each.seconds, 4), meaning=each.meaning, reason=each.reason)
            for each in looks
        },
    )


@routes.get(
    "/metrics",
    response_class=Response,
    responses=documented(401, 422, 500) | {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(parts: HouseParts, authorization: Annotated[str, Header()] = "") -> Response:
    """Return what Prometheus reads; where `api.metrics_token` is set it is wanted as bearer token."""
    wanted = parts.settings.api.metrics_token.get_secret_value()
    if wanted and not hmac.compare_digest(authorization.encode(), f"Bearer {wanted}".encode()):
        message = "send the metrics token as `Authorization: Bearer ...`"
        raise Unknown(message)
    return Response(generate_latest(parts.metrics.registry), media_type=CONTENT_TYPE_LATEST)
