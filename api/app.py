"""The control plane, composed: parts, what surrounds a request, routes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from fastapi import APIRouter, Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware

from api import tracing
from api.bodies import Bodies
from api.dependencies import within_limits
from api.envelope import Envelope
from api.metering import Metering
from api.parts import Parts, compose
from api.problems import Problem, answer
from api.routes import (
    anomalies,
    audit,
    datasets,
    health,
    jobs,
    keys,
    links,
    me,
    models,
    projects,
    sessions,
    silences,
    stream,
    users,
)
from deepsentry import __version__
from deepsentry.errors import DeepSentryError
from deepsentry.settings import Settings

V1: Final = "/api/v1"
ROUTES: Final[tuple[APIRouter, ...]] = (
    sessions.routes,
    me.routes,
    users.routes,
    users.invited,
    projects.routes,
    keys.routes,
    audit.routes,
    audit.of_project,
    datasets.routes,
    jobs.routes,
    models.routes,
    anomalies.routes,
    silences.routes,
    stream.routes,
)
TITLE: Final = "DeepSentry control plane"
ABOUT: Final = """Training, versions, budgets, feedback and people. Answers of 400 and above are problem details
(RFC 9457); lists come in pages with a cursor; updates want If-Match; a POST takes an Idempotency-Key."""


def create_app(settings: Settings, parts: Parts | None = None) -> FastAPI:
    """Return the app for an operator's settings; `parts` where a test brings its own clock."""
    parts = parts or compose(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await parts.close()
        await asyncio.to_thread(app.state.last_spans)

    app = FastAPI(
        title=TITLE,
        version=__version__,
        description=ABOUT,
        lifespan=lifespan,
        generate_unique_id_function=lambda route: route.name,  # clients are generated with these names
        openapi_url=f"{V1}/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.parts = parts
    for error in (DeepSentryError, RequestValidationError, HTTPException):
        app.add_exception_handler(error, _answer)
    app.include_router(health.routes)
    app.include_router(links.routes)
    for routes in ROUTES:
        app.include_router(routes, prefix=V1, dependencies=[Depends(within_limits)])
    _surround(app, parts)
    app.openapi = lambda: _schema(app)  # type: ignore[method-assign] # FastAPI documents it as the place
    return app


def _surround(app: FastAPI, parts: Parts) -> None:
    """Put around the app, from the inside to the outside."""
    api = parts.settings.api
    app.state.last_spans = tracing.trace(app, api)
    app.add_middleware(Metering, registry=parts.metrics.registry, prefix=V1)
    app.add_middleware(Bodies, limit=api.max_body_bytes)
    if api.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(api.origins),
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "If-Match", "Idempotency-Key", "X-Request-Id"],
            expose_headers=["ETag", "Retry-After", "X-Request-Id", "Idempotency-Replayed"],
        )
    app.add_middleware(Envelope, secure=api.public_url.startswith("https:"))


async def _answer(request: Any, error: Exception) -> Any:
    return answer(request, error)


def _schema(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        known = schema.setdefault("components", {}).setdefault("schemas", {})
        known |= problem.pop("$defs", {}) | {"Problem": problem}
        app.openapi_schema = schema
    return app.openapi_schema
