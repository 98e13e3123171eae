"""Routes of this house: they declare the problems that they answer with, and a POST happens once for a key."""

import re
from collections.abc import Callable, Coroutine
from datetime import timedelta
from enum import Enum
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from api.bodies import LIMIT
from api.errors import Unknown
from api.idempotency import FORM, digest_of, identity
from api.parts import parts_of
from api.problems import documented

ALWAYS: Final = (401, 403, 404, 422, 429, 500, 503)
WITH_BODY: Final = {"POST", "PUT", "PATCH"}
WITH_REVISION: Final = {"PUT", "PATCH", "DELETE"}
BEST_STATUS: Final = 300

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


async def _key(
    idempotency_key: Annotated[
        str | None,
        Header(
            pattern=FORM,
            description="The same key with the same request gives the first answer again, for a day.",
            examples=["7b2c1e0f-9a35-4a57-8d8e-0d5a4c6b1f2e"],
        ),
    ] = None,
) -> None:
    """Check the header; `Route` acts on it."""
    del idempotency_key


class Route(APIRoute):
    """A route that says what it can answer, and that knows requests which come again."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        methods = set(options.get("methods") or {"GET"})
        statuses = {*ALWAYS}
        if methods & WITH_BODY:
            statuses |= {409, 413}
        if methods & WITH_REVISION:
            statuses |= {409, 412, 428}
        options["responses"] = documented(*sorted(statuses)) | dict(options.get("responses") or {})
        if "POST" in methods:
            options["dependencies"] = [*(options.get("dependencies") or []), Depends(_key)]
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Handler:
        """Return FastAPI's handler, for POST within one that knows requests which come again."""
        handler: Handler = super().get_route_handler()
        if "POST" not in (self.methods or ()) or hasattr(self.endpoint, LIMIT):
            return handler  # a large body is not kept in memory to be compared

        async def once(request: Request) -> Response:
            key = request.headers.get("idempotency-key", "")
            parts = parts_of(request)
            principal = None
            if key and request.headers.get("authorization"):
                try:
                    principal = await parts.access.principal(request.headers["authorization"])
                except Unknown:
                    principal = None  # the handler says so
            if principal is None or not re.fullmatch(FORM, key):
                return await handler(request)
            target = f"{request.url.path}?{request.url.query}"
            digest = digest_of(request.method, target, request.headers.get("content-type", ""), await request.body())
            id_ = identity(principal, key)
            earlier = await parts.answers.begin(id_, digest, timedelta(hours=parts.settings.api.idempotency_hours))
            if earlier is not None:
                headers = {**earlier.headers, "Idempotency-Replayed": "true"}
                return Response(parts.answers.body_of(earlier), earlier.status, headers)
            try:
                response = await handler(request)
            except BaseException:
                await parts.answers.abandon(id_)
                raise
            if response.status_code < BEST_STATUS and isinstance(body := getattr(response, "body", None), bytes):
                await parts.answers.finish(id_, response.status_code, response.headers, body)
            else:
                await parts.answers.abandon(id_)
            return response

        return once


def router(prefix: str, tag: str) -> APIRouter:
    """Return a router for one thing."""
    tags: list[str | Enum] = [tag]
    return APIRouter(prefix=prefix, tags=tags, route_class=Route)
