"""A generic webhook: a signed CloudEvent by POST, tried again while that can help."""

import asyncio
import hashlib
import hmac
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

import aiohttp
from pydantic import SecretStr
from yarl import URL

from deepsentry.errors import DeliveryError, SettingsError
from deepsentry.settings import Target
from streams.alerts.notice import Notice
from streams.alerts.notifiers import cloudevent
from streams.alerts.notifiers.addresses import PrivateAddress, PublicResolver, is_literal, is_public

ATTEMPTS: Final = 4
BASE: Final = 0.5
"""Seconds: the n-th wait is uniform in 0 .. BASE * 2**n ("full jitter")."""
PATIENCE: Final = 60.0
"""Seconds: a target that asks for a longer wait gets a dead letter, so that the others are not kept waiting."""
SIGNATURE: Final = "X-DeepSentry-Signature"
KEY: Final = "Idempotency-Key"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a delivery takes from outside."""

    now: Callable[[], datetime]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    jitter: Callable[[], float] = random.SystemRandom().random
    """Uniform in 0 .. 1."""


@dataclass(frozen=True, slots=True)
class _Failure:
    """One attempt that may be tried again, after `wait` seconds where the target asked for that."""

    reason: str
    wait: float | None = None


def signature(secret: SecretStr, body: bytes, at: datetime) -> str:
    """Return `t=<Unix seconds>,v1=<hex>`: HMAC-SHA256 by `secret` over `<Unix seconds>.<body>`.

    The time is signed with the body, so a receiver can refuse what is old.
    """
    seconds = str(int(at.timestamp()))
    mac = hmac.new(secret.get_secret_value().encode(), seconds.encode() + b"." + body, hashlib.sha256)
    return f"t={seconds},v1={mac.hexdigest()}"


class Webhook:
    """POSTs each notice to one URL as a CloudEvent, with `Idempotency-Key` and, given a secret, a signature."""

    def __init__(self, name: str, target: Target, source: str, surroundings: Surroundings) -> None:
        """`source` is the CloudEvents source of this installation. Raises SettingsError on an unusable URL."""
        self._target = target
        self._source = source
        self._surroundings = surroundings
        self._setting = f"alerts.targets.{name}"
        try:
            self._url = URL(target.url.get_secret_value())
        except ValueError:
            self._url = URL()
        if self._url.scheme not in {"http", "https"} or not self._url.host:
            message = f"{self._setting}.url: must be an http or https address with a host"
            raise SettingsError(message)

    async def notify(self, notice: Notice) -> None:
        """POST `notice`: at most ATTEMPTS times on 429, 5xx and no answer, once otherwise. Raises DeliveryError."""
        self._refuse_private_literal()
        body = cloudevent.encode(notice, self._source)
        async with aiohttp.ClientSession(
            connector=self._connector(), timeout=aiohttp.ClientTimeout(total=self._target.timeout)
        ) as session:
            failure = await self._attempt(session, body, notice.key)
            for attempt in range(1, ATTEMPTS):
                if failure is None:
                    return
                await self._surroundings.sleep(self._wait(failure, attempt))
                failure = await self._attempt(session, body, notice.key)
        if failure is not None:
            message = f"{self._setting}: gave up after {ATTEMPTS} attempts: {failure.reason}"
            raise DeliveryError(message)

    async def _attempt(self, session: aiohttp.ClientSession, body: bytes, key: str) -> _Failure | None:
        headers = {"Content-Type": cloudevent.CONTENT_TYPE, KEY: f'"{key}"', "User-Agent": "DeepSentry"}
        if self._target.secret.get_secret_value():
            headers[SIGNATURE] = signature(self._target.secret, body, self._surroundings.now())
        try:
            async with session.post(self._url, data=body, headers=headers, allow_redirects=False) as response:
                return self._judge(response)
        except TimeoutError:
            return _Failure(f"no answer within {self._target.timeout:g} s")
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, PrivateAddress):
                raise self._private() from None
            return _Failure(f"no connection: {error.os_error.strerror or type(error).__name__}")
        except aiohttp.InvalidURL:
            message = f"{self._setting}.url: not an address that can be connected to"
            raise DeliveryError(message) from None
        except (aiohttp.ClientError, OSError) as error:
            return _Failure(f"no answer: {type(error).__name__}")

    def _judge(self, response: aiohttp.ClientResponse) -> _Failure | None:
        status = response.status
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return None
        if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return _Failure(f"HTTP {status}", self._retry_after(response.headers.get("Retry-After", "")))
        message = f"{self._setting}: refused with HTTP {status}; check its url and what it accepts"
        raise DeliveryError(message)

    def _wait(self, failure: _Failure, attempt: int) -> float:
        jitter = self._surroundings.jitter() * BASE * 2.0**attempt
        if failure.wait is None:
            return jitter
        if failure.wait > PATIENCE:
            message = f"{self._setting}: {failure.reason}, and asked to wait {failure.wait:.0f} s"
            raise DeliveryError(message)
        return failure.wait + jitter

    def _retry_after(self, value: str) -> float | None:
        """Read seconds or an HTTP date (RFC 9110, 10.2.3); what is neither counts as not given."""
        if value.isascii() and value.isdigit():
            return float(value)
        try:
            moment = parsedate_to_datetime(value)
        except ValueError:
            return None
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0.0, (aware - self._surroundings.now()).total_seconds())

    def _connector(self) -> aiohttp.TCPConnector:
        # A new connection each time: notices are rare, and one that was kept may be half closed
        if self._target.allow_private:
            return aiohttp.TCPConnector(force_close=True)
        return aiohttp.TCPConnector(force_close=True, use_dns_cache=False, resolver=PublicResolver())

    def _refuse_private_literal(self) -> None:
        host = self._url.host or ""  # a literal address is never given to the resolver
        if not self._target.allow_private and is_literal(host) and not is_public(host):
            raise self._private()

    def _private(self) -> DeliveryError:
        return DeliveryError(
            f"{self._setting}: its address is private; set {self._setting}.allow_private = true to allow that"
        )
