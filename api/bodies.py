"""No body is larger than its route allows, also where no Content-Length says how large it is."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, TypeVar

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LIMIT: Final = "__deepsentry_max_body__"
F = TypeVar("F", bound=Callable[..., Any])


class _Over(HTTPException):
    """Passes through what FastAPI does with failures of reading a body; api/problems.py tells it as TooLarge."""

    def __init__(self, limit: int) -> None:
        super().__init__(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {limit} bytes")


def takes(limit: int) -> Callable[[F], F]:
    """Let a route take bodies of up to `limit` bytes, where it differs from the house's limit."""

    def mark(endpoint: F) -> F:
        setattr(endpoint, LIMIT, limit)
        return endpoint

    return mark


class Bodies:
    """ASGI middleware that counts what comes in."""

    def __init__(self, app: ASGIApp, *, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; answer 413 at the first byte too many."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        said = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        got = 0

        async def counting() -> Message:
            nonlocal got
            # the route is known by now: nothing reads a body before
            limit = getattr(scope.get("endpoint"), LIMIT, self._limit)
            if said.isdigit() and int(said[:20]) > limit:
                raise _Over(limit)
            message = await receive()
            got += len(message.get("body", b""))
            if got > limit:
                raise _Over(limit)
            return message

        await self._app(scope, counting, send)
