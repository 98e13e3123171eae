"""A SuperLink that may be shown to other organisations; takes the flags of flower-superlink and the token in a file.

Stock Flower leaves the Control API open to whoever reaches its port. Run: python -m aggregator.launcher FLAGS
"""

import hmac
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from aggregator import flower
from aggregator.children import follow_parent

TOKEN_FILE: Final = "DEEPSENTRY_CONTROL_TOKEN_FILE"  # noqa: S105 - the name of a variable
LEAST_TOKEN: Final = 32
LOCAL_ONLY: Final = ("/v1/runtime", "/v1/responses", "/docs", "/openapi", "/redoc")
LOOPBACK: Final = frozenset({"127.0.0.1", "::1"})
MOST_BODY: Final = 64 << 20
"""Bytes of a request; the weights of a version take less than half a MiB."""
IN_MEMORY: Final = frozenset({"", ":memory:", ":flwr-in-memory:"})


class TokenPlugin(flower.NoOpControlAuthnPlugin):
    """Lets in who has the bearer token."""

    def __init__(self, token: bytes) -> None:
        super().__init__()
        self._token = token

    def validate_tokens_in_metadata(
        self, metadata: Sequence[tuple[str, str | bytes]]
    ) -> tuple[bool, flower.AccountInfo | None]:
        """Compare the token in constant time."""
        for given in flower.headers_of(metadata):
            if hmac.compare_digest(given, self._token):
                return True, flower.account()
        return False, None


class PathGuard:
    """The outermost layer: the task API and the API's pages answer loopback only, and no request is too large.

    Behind a proxy on the same host every caller looks local, so the proxy must forward /v1/fleet/ and /health alone.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "http":
            client = scope.get("client")
            if scope["path"].startswith(LOCAL_ONLY) and (client is None or client[0] not in LOOPBACK):
                await PlainTextResponse("forbidden", 403)(scope, receive, send)
                return
            headers = dict(scope["headers"])
            length = headers.get(b"content-length", b"0")
            if b"transfer-encoding" in headers or not length.isdigit() or int(length) > MOST_BODY:
                await PlainTextResponse("too large", 413)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def unsafe(config: Any, environ: dict[str, str]) -> list[str]:
    """Return why a configuration must not be served to others; nothing where it may."""
    checks = {
        "TLS is off": config.insecure or config.certificates is None,
        "node authentication is off": not config.enable_supernode_auth,
        "isolation is not 'process': a crash would end the running job": config.isolation != "process",
        "there is no secret for the executor": config.superexec_auth_secret is None,
        "there is no database: a restart would forget every site": config.database in IN_MEMORY,
        "dependencies would be installed at run time": config.runtime_dependency_install,
        "a gRPC API is on": any(environ.get(f"FLWR_INTERNAL_GRPC_{api}_API") == "1" for api in ("CONTROL", "FLEET")),
    }
    return [reason for reason, failed in checks.items() if failed]


def main() -> None:
    """Serve, or say in one line why not."""
    path = os.environ.get(TOKEN_FILE)
    token = Path(path).read_bytes().strip() if path else b""
    if len(token) < LEAST_TOKEN:
        sys.exit(f"refused: the file in {TOKEN_FILE} holds no token of at least {LEAST_TOKEN} bytes")
    config = flower.parse_superlink()
    if reasons := unsafe(config, dict(os.environ)):
        sys.exit("refused: " + "; ".join(reasons))
    follow_parent()
    flower.run_superlink(config, TokenPlugin(token), PathGuard)


if __name__ == "__main__":
    main()
