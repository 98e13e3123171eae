"""A real HTTP server that receives notices and answers as it is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.test_utils import TestServer


@dataclass(frozen=True)
class Received:
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """Answers with `answers` in turn, the last for ever; `None` is no answer at all."""

    url: str
    answers: list[web.Response | None] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        self.received.append(Received(dict(request.headers), await request.read()))
        answer = self.answers[min(len(self.received), len(self.answers)) - 1] if self.answers else web.Response()
        if answer is None:
            await asyncio.Event().wait()
        assert answer is not None
        return web.Response(status=answer.status, headers=answer.headers)


@asynccontextmanager
async def receiving(*answers: web.Response | None) -> AsyncIterator[Receiver]:
    receiver = Receiver("", list(answers))
    app = web.Application()
    app.router.add_post("/hook", receiver.handle)
    server = TestServer(app)
    await server.start_server(shutdown_timeout=0)
    receiver.url = str(server.make_url("/hook"))
    try:
        yield receiver
    finally:
        await server.close()
