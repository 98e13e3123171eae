"""Servers that speak a channel's protocol: each takes what is well-formed, and behaves badly when told to."""

import asyncio
import json
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import aiosmtpd.smtp
from aiohttp import web

from deepsentry.targets import Alertmanager, Email, PagerDuty, Slack, Syslog, Target, Webhook
from tests.contracts import vendors
from tests.contracts.vendors import Told
from tests.unit.streams.alerts.receiver import HANG_UP, Received, receiving

Behaviour = Literal["busy", "failing", "refusing", "closing", "silent"]
HOST: Final = "127.0.0.1"
ROUTING_KEY: Final = "0123456789abcdef" * 2
RESET: Final = struct.pack("ii", 1, 0)
TOKEN: Final = "bot-token-of-the-test"
HTTP: Final[dict[Behaviour, web.Response | None]] = {
    "busy": web.Response(status=429, headers={"Retry-After": "7"}),
    "failing": web.Response(status=500),
    "refusing": web.Response(status=400),
    "closing": HANG_UP,
    "silent": None,
}


@dataclass
class Listener:
    """A target, as the tests see it."""

    target: Target
    told: list[Told] = field(default_factory=list)
    """What it took, in order."""
    tried: list[str] = field(default_factory=list)
    """Keys of what came, also where it was not taken."""
    misbehave: Callable[..., None] = lambda *_: None
    """(behaviour, times): behave so for the next `times` attempts."""
    can: tuple[Behaviour, ...] = ()


@asynccontextmanager
async def http(make: Callable[[str], Target], understand: Callable[[Received], Told]) -> AsyncIterator[Listener]:
    listener = Listener(Webhook(), can=("busy", "failing", "refusing", "closing", "silent"))
    bad: list[Behaviour] = []

    def judge(received: Received) -> web.Response | None:
        told = understand(received)
        listener.tried.append(told.key)
        if bad:
            return HTTP[bad.pop()]
        listener.told.append(told)
        return web.json_response({"status": "success"})

    async with receiving(judge=judge) as receiver:
        listener.target = make(receiver.url)
        listener.misbehave = lambda behaviour, times: bad.extend([behaviour] * times)
        yield listener


def webhook() -> AbstractAsyncContextManager[Listener]:
    return http(
        lambda url: Webhook.model_validate({"url": url, "allow_private": True, "timeout": 1}),
        vendors.webhook,
    )


def pagerduty() -> AbstractAsyncContextManager[Listener]:
    return http(
        lambda url: PagerDuty.model_validate(
            {"kind": "pagerduty", "url": url, "routing_key": ROUTING_KEY, "allow_private": True, "timeout": 1}
        ),
        vendors.pagerduty,
    )


def alertmanager() -> AbstractAsyncContextManager[Listener]:
    return http(
        lambda url: Alertmanager.model_validate(
            {"kind": "alertmanager", "url": url, "allow_private": True, "timeout": 1}
        ),
        vendors.alertmanager,
    )


def slack() -> AbstractAsyncContextManager[Listener]:
    return http(
        lambda url: Slack.model_validate({"kind": "slack", "webhook": url, "allow_private": True, "timeout": 1}),
        lambda received: vendors.slack(json.loads(received.body)),
    )


@asynccontextmanager
async def slack_bot() -> AsyncIterator[Listener]:
    """The Web API, as far as a bot that posts, changes, answers in a thread and uploads a file needs it."""
    listener = Listener(Webhook(), can=("busy", "failing", "refusing", "closing", "silent"))
    bad: list[Behaviour] = []
    posted: dict[str, Told] = {}
    uploads: dict[str, bytes] = {}

    def judge(received: Received) -> web.Response | None:
        method = received.path.rpartition("/")[2]
        if method == "upload":
            assert received.body.startswith(b"\x89PNG")
            uploads["F1"] = received.body
            return web.Response(text=f"OK - {len(received.body)}")
        assert received.headers["Authorization"] == f"Bearer {TOKEN}"
        if method == "files.getUploadURLExternal":
            assert received.headers["Content-Type"] == "application/x-www-form-urlencoded"
            assert b"filename=" in received.body
            return said(upload_url=f"{base}upload", file_id="F1")
        arguments = json.loads(received.body)
        if method == "files.completeUploadExternal":
            assert arguments["files"][0]["id"] in uploads
            assert arguments["thread_ts"] in posted
            return said()
        if "thread_ts" in arguments:
            assert arguments["thread_ts"] in posted
            return said(ts="9.9", channel=arguments["channel"])
        told = vendors.slack(arguments)
        assert arguments["metadata"]["event_payload"]["key"] == told.key
        listener.tried.append(told.key)
        if bad:
            behaviour = bad.pop()
            refused = web.json_response({"ok": False, "error": "channel_not_found"})
            return refused if behaviour == "refusing" else HTTP[behaviour]
        if method == "chat.update":
            assert arguments["ts"] in posted
            assert arguments["channel"] == "C042"
        ts = arguments.get("ts", f"1735783445.{len(posted):06}")
        posted[ts] = told
        listener.told.append(told)
        return said(ts=ts, channel="C042")

    def said(**fields: Any) -> web.Response:
        return web.json_response({"ok": True, **fields})

    async with receiving(judge=judge) as receiver:
        base = receiver.url.removesuffix("hook") + "api/"
        listener.target = Slack.model_validate(
            {"kind": "slack", "token": TOKEN, "channel": "ops", "url": base, "allow_private": True, "timeout": 1}
        )
        listener.misbehave = lambda behaviour, times: bad.extend([behaviour] * times)
        yield listener


@asynccontextmanager
async def smtp() -> AsyncIterator[Listener]:
    listener = Listener(Webhook(), can=("busy", "failing", "refusing", "closing", "silent"))
    bad: list[Behaviour] = []

    class Desk:
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802, ARG002
            told = vendors.letter(envelope.content)
            listener.tried.append(told.key)
            match bad.pop() if bad else None:
                case "busy":
                    return "450 4.7.1 slow down"
                case "failing":
                    return "451 4.3.0 try again"
                case "refusing":
                    return "554 5.7.1 not here"
                case "closing":
                    server.transport.abort()
                case "silent":
                    await asyncio.Event().wait()
                case None:
                    listener.told.append(told)
            return "250 2.0.0 queued"

    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: aiosmtpd.smtp.SMTP(Desk(), loop=loop), HOST, 0)
    async with server:
        listener.target = Email.model_validate(
            {
                "kind": "email",
                "host": HOST,
                "port": server.sockets[0].getsockname()[1],
                "tls": "none",
                "sender": "deepsentry@example.org",
                "recipients": ["oncall@example.org"],
                "allow_private": True,
                "timeout": 1,
            }
        )
        listener.misbehave = lambda behaviour, times: bad.extend([behaviour] * times)
        yield listener


@asynccontextmanager
async def syslog_tcp() -> AsyncIterator[Listener]:
    async with _stream("tcp", None) as listener:
        yield listener


@asynccontextmanager
async def _stream(transport: str, context: ssl.SSLContext | None) -> AsyncIterator[Listener]:
    listener = Listener(Webhook(), can=("closing", "silent"))
    bad: list[Behaviour] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_ones.append(writer)
        length = int((await reader.readuntil(b" ")).decode())
        told = vendors.syslog(await reader.readexactly(length), 8192)
        listener.tried.append(told.key)
        match bad.pop() if bad else None:
            case "closing":
                # a process that dies with what it was sent: the other side gets a reset
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                writer.transport.abort()
            case "silent":
                await ended.wait()
            case _:
                assert await reader.read() == b""
                listener.told.append(told)
                writer.close()

    open_ones: list[asyncio.StreamWriter] = []
    ended = asyncio.Event()
    server = await asyncio.start_server(serve, HOST, 0, ssl=context)
    async with server:
        listener.target = Syslog.model_validate(
            {
                "kind": "syslog",
                "host": HOST,
                "port": server.sockets[0].getsockname()[1],
                "transport": transport,
                "allow_private": True,
                "timeout": 1,
            }
        )
        listener.misbehave = lambda behaviour, times: bad.extend([behaviour] * times)
        try:
            yield listener
        finally:
            ended.set()
            for writer in open_ones:
                writer.close()
            await asyncio.gather(*(writer.wait_closed() for writer in open_ones), return_exceptions=True)


@asynccontextmanager
async def syslog_udp() -> AsyncIterator[Listener]:
    listener = Listener(Webhook())

    class Ear(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: Any) -> None:  # noqa: ARG002
            told = vendors.syslog(data, 2048)
            listener.tried.append(told.key)
            listener.told.append(told)

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Ear, local_addr=(HOST, 0))
    listener.target = Syslog.model_validate(
        {
            "kind": "syslog",
            "host": HOST,
            "port": transport.get_extra_info("sockname")[1],
            "transport": "udp",
            "allow_private": True,
        }
    )
    yield listener
    transport.close()


LISTENERS: Final = {
    "webhook": webhook,
    "pagerduty": pagerduty,
    "alertmanager": alertmanager,
    "slack": slack,
    "slack bot": slack_bot,
    "email": smtp,
    "syslog tcp": syslog_tcp,
    "syslog udp": syslog_udp,
}
