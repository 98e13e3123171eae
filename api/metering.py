"""Counts requests, in the metrics of prometheus-fastapi-instrumentator.

Its own middleware looks for the route before the app does, by trying all of them once more: a tenth of a cached read.
Here the route is the one that answered.
"""

import time
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_fastapi_instrumentator import metrics
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

QUIET: Final = ("/health/", "/metrics")
"""Paths of probes, which are neither counted nor logged."""
NOWHERE: Final = "none"


class Metering:
    """ASGI middleware; routes below `prefix` are named with it."""

    def __init__(self, app: ASGIApp, *, registry: CollectorRegistry, prefix: str) -> None:
        self._app = app
        self._prefix = prefix
        self._note = metrics.default(registry=registry)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http" or scope["path"].startswith(QUIET):
            await self._app(scope, receive, send)
            return
        started = begun = time.perf_counter()
        status, headers = 500, Headers()

        async def sending(message: Message) -> None:
            nonlocal status, headers, begun
            if message["type"] == "http.response.start":
                status, headers, begun = message["status"], Headers(raw=message["headers"]), time.perf_counter()
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            self._say(scope, Response(status_code=status, headers=headers), started, begun)

    def _say(self, scope: Scope, response: Response, started: float, begun: float) -> None:
        if self._note is None:
            return
        route = getattr(scope.get("route"), "path", NOWHERE)
        below = route != NOWHERE and scope["path"].startswith(f"{self._prefix}/")
        self._note(
            metrics.Info(
                request=Request(scope),
                response=response,
                method=scope["method"],
                modified_handler=f"{self._prefix}{route}" if below else route,
                modified_status=str(response.status_code),
                modified_duration=time.perf_counter() - started,
                modified_duration_without_streaming=begun - started,
            )
        )
