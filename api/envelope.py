"""What surrounds every request: its id, one line in the log, security headers, and the answer to what nobody caught."""

import re
import secrets
import time
from typing import Final

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import problems
from api.metering import QUIET
from deepsentry import logs

REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")
HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Set where the answer does not set them itself."""
HSTS: Final = "max-age=31536000; includeSubDomains"

log = logs.get("api")


class Envelope:
    """ASGI middleware, outermost; `secure` says that people reach the API by https only."""

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        self._app = app
        self._headers = HEADERS | ({"Strict-Transport-Security": HSTS} if secure else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        # what a stranger sends is used only in a form that can do no harm in a log or a header
        request_id = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id
        status = 0
        started = time.perf_counter()

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, sending)
            except Exception as error:
                log.exception("request_failed", error=type(error).__name__)
                if not status:
                    await problems.answer(Request(scope), error)(scope, receive, sending)
            finally:
                self._log(scope, status, time.perf_counter() - started)

    def _log(self, scope: Scope, status: int, seconds: float) -> None:
        if scope["path"].startswith(QUIET):
            return
        route = getattr(scope.get("route"), "path", "none")
        principal = scope["state"].get("principal")
        who = f"{principal.kind}:{principal.id}" if principal else "nobody"
        log.info(
            "request", method=scope["method"], route=route, status=status, seconds=round(seconds, 4), principal=who
        )
