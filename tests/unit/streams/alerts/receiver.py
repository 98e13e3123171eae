"""A real HTTP server that receives notices and answers as it is told."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web
from aiohttp.test_utils import TestServer

HANG_UP: Final = web.Response(status=204)
"""An answer that never comes: the connection ends."""


@dataclass(frozen=True)
class Received:
    headers: dict[str, str]
    body: bytes
    path: str = "/hook"


def accept(_: Received) -> web.Response:
    return web.Response()


@dataclass
class Receiver:
    """Answers with `answers` in turn, the last for ever; `None` is no answer at all. Without any, `judge` answers."""

    url: str
    answers: list[web.Response | None] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    judge: Callable[[Received], web.Response] = accept

    async def handle(self, request: web.Request) -> web.Response:
        found = Received(dict(request.headers), await request.read(), request.path)
        self.received.append(found)
        answer = self.answers[min(len(self.received), len(self.answers)) - 1] if self.answers else self.judge(found)
        if answer is None:
            await asyncio.Event().wait()
        assert answer is not None
        if answer is HANG_UP:
            assert request.transport is not None
            request.transport.close()
        return web.Response(status=answer.status, headers=answer.headers, body=answer.body)


@asynccontextmanager
async def receiving(
    *answers: web.Response | None, judge: Callable[[Received], web.Response] = accept
) -> AsyncIterator[Receiver]:
    receiver = Receiver("", list(answers), judge=judge)
    app = web.Application()
    app.router.add_post("/{path:.*}", receiver.handle)
    server = TestServer(app)
    await server.start_server(shutdown_timeout=0)
    receiver.url = str(server.make_url("/hook"))
    try:
        yield receiver
    finally:
        await server.close()
