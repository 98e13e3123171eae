"""The webhook against a real HTTP server."""

import asyncio
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from deepsentry.errors import DeliveryError, SettingsError
from deepsentry.targets import Webhook as Target
from streams.alerts.notifiers.delivery import Surroundings
from streams.alerts.notifiers.webhook import Webhook
from tests.unit.streams.alerts.builders import alert, anomaly
from tests.unit.streams.alerts.receiver import receiving

NOW = datetime(2025, 1, 2, 3, 0, tzinfo=UTC)
NOTICE = alert()
TOO_MANY = 429


class Waits:
    """Takes the place of sleeping and keeps the seconds."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def webhook(url: str, waits: Waits | None = None, **changes: Any) -> Webhook:
    target = Target(url=SecretStr(url), **{"allow_private": True, **changes})
    surroundings = Surroundings(now=lambda: NOW, sleep=waits or Waits(), jitter=lambda: 0.5)
    return Webhook("mine", target, surroundings)


def answer(status: int, **headers: str) -> web.Response:
    return web.Response(status=status, headers={name.replace("_", "-"): value for name, value in headers.items()})


async def test_the_body_is_a_cloud_event_whose_id_is_the_idempotency_key() -> None:
    async with receiving() as receiver:
        await webhook(receiver.url).notify(NOTICE)
    [request] = receiver.received
    event = json.loads(request.body)
    assert request.headers["Content-Type"] == "application/cloudevents+json; charset=utf-8"
    assert request.headers["Idempotency-Key"] == f'"{NOTICE.key}"'
    assert (event["specversion"], event["id"], event["type"]) == (
        "1.0",
        NOTICE.key,
        "io.deepsentry.alert.opened.v1",
    )
    assert event["data"]["anomaly"]["explanation"]["summary"] == anomaly().explanation.summary


async def test_a_receiver_can_verify_the_signature_and_its_time() -> None:
    async with receiving() as receiver:
        await webhook(receiver.url, secret=SecretStr("s3cret")).notify(NOTICE)
    [request] = receiver.received
    at, mac = request.headers["X-DeepSentry-Signature"].split(",")
    assert at == f"t={NOW.timestamp():.0f}"
    signed = at.removeprefix("t=").encode() + b"." + request.body
    assert mac == "v1=" + hmac.new(b"s3cret", signed, hashlib.sha256).hexdigest()


async def test_without_a_secret_there_is_no_signature() -> None:
    async with receiving() as receiver:
        await webhook(receiver.url).notify(NOTICE)
    assert "X-DeepSentry-Signature" not in receiver.received[0].headers


@pytest.mark.parametrize("status", [429, 500, 502, 503])
async def test_a_failure_that_may_pass_is_tried_again_under_the_same_key(status: int) -> None:
    waits = Waits()
    async with receiving(answer(status), answer(status), answer(202)) as receiver:
        await webhook(receiver.url, waits).notify(NOTICE)
    assert len(receiver.received) == 3
    assert len({request.headers["Idempotency-Key"] for request in receiver.received}) == 1
    assert waits.seconds == [0.5, 1.0], "half of the full jitter over 1 s and 2 s"


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 403, 404, 410, 413])
async def test_a_refusal_is_not_tried_again_and_no_redirect_is_followed(status: int) -> None:
    async with receiving(answer(status, Location="/hook"), answer(200)) as receiver:
        with pytest.raises(DeliveryError, match=rf"^alerts\.targets\.mine: refused with HTTP {status}; "):
            await webhook(receiver.url).notify(NOTICE)
    assert len(receiver.received) == 1


@pytest.mark.parametrize("value", ["7", (NOW + timedelta(seconds=7)).strftime("%a, %d %b %Y %H:%M:%S GMT")])
@pytest.mark.parametrize("status", [429, 503])
async def test_the_wait_that_a_target_asks_for_is_kept(value: str, status: int) -> None:
    waits = Waits()
    async with receiving(answer(status, Retry_After=value), answer(200)) as receiver:
        await webhook(receiver.url, waits).notify(NOTICE)
    assert waits.seconds == [7.5]


@pytest.mark.parametrize("value", ["soon", "-1", "", "٣", "1e3"])
async def test_a_wait_that_cannot_be_read_counts_as_not_given(value: str) -> None:
    waits = Waits()
    async with receiving(answer(TOO_MANY, Retry_After=value), answer(200)) as receiver:
        await webhook(receiver.url, waits).notify(NOTICE)
    assert waits.seconds == [0.5]


async def test_a_target_that_asks_for_an_hour_gets_a_dead_letter_now() -> None:
    waits = Waits()
    async with receiving(answer(TOO_MANY, Retry_After="3600")) as receiver:
        with pytest.raises(DeliveryError, match=r"HTTP 429, and asked to wait 3600 s$"):
            await webhook(receiver.url, waits).notify(NOTICE)
    assert waits.seconds == []


async def test_a_target_that_stays_down_is_given_up_with_the_reason() -> None:
    async with receiving(answer(500)) as receiver:
        with pytest.raises(DeliveryError, match=r"gave up after 4 attempts: HTTP 500$"):
            await webhook(receiver.url).notify(NOTICE)
    assert len(receiver.received) == 4


async def test_a_slow_target_is_given_up_after_its_timeout() -> None:
    async with receiving(None) as receiver:
        with pytest.raises(DeliveryError, match=r"no answer within 0\.05 s$"):
            await webhook(receiver.url, timeout=0.05).notify(NOTICE)
    assert len(receiver.received) == 4


async def test_a_target_that_is_away_is_named_without_its_address() -> None:
    async with receiving() as receiver:
        url = receiver.url
    with pytest.raises(DeliveryError, match="gave up after 4 attempts: no connection: ") as raised:
        await webhook(url).notify(NOTICE)
    assert "/hook" not in str(raised.value)


async def spoken(reply: bytes) -> tuple[asyncio.Server, str]:
    """Return a server that sends `reply` to whatever it reads and hangs up."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    return server, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


async def test_a_target_that_accepts_and_hangs_up_in_its_body_has_accepted() -> None:
    server, url = await spoken(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nok")
    async with server:
        await webhook(url).notify(NOTICE)


@pytest.mark.parametrize("reply", [b"", b"HTTP/1.1 200", b"\x00\xff garbage\r\n\r\n"])
async def test_a_target_that_does_not_speak_http_is_given_up(reply: bytes) -> None:
    server, url = await spoken(reply)
    async with server:
        with pytest.raises(DeliveryError, match=r"gave up after 4 attempts: no answer: "):
            await webhook(url).notify(NOTICE)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
async def test_a_private_address_is_refused_before_anything_is_sent(host: str) -> None:
    async with receiving() as receiver:
        url = receiver.url.replace("127.0.0.1", host)
        with pytest.raises(DeliveryError, match=r"set alerts\.targets\.mine\.allow_private = true"):
            await webhook(url, allow_private=False).notify(NOTICE)
    assert receiver.received == []


@pytest.mark.parametrize("host", ["2130706433", "127.1", "0x7f000001", "017700000001"])
async def test_an_address_in_disguise_is_refused(host: str) -> None:
    async with receiving() as receiver:
        url = receiver.url.replace("127.0.0.1", host)
        with pytest.raises(DeliveryError):
            await webhook(url, allow_private=False).notify(NOTICE)
    assert receiver.received == []


@pytest.mark.parametrize(
    "url", ["", "hooks.example.com", "ftp://example.com/", "file:///etc/passwd", "http://", "http://[x"]
)
def test_a_url_that_is_none_is_a_settings_error_that_names_the_key_and_not_the_url(url: str) -> None:
    with pytest.raises(SettingsError, match=r"^alerts\.targets\.mine\.url: must be an http or https address"):
        webhook(url)
