"""HTTP by POST: no redirect followed, no private address unless allowed, the name's address used as it was checked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

import aiohttp
from yarl import URL

from deepsentry.errors import DeliveryError, SettingsError
from deepsentry.targets import Target
from streams.alerts.notifiers.addresses import PrivateAddress, PublicResolver, is_literal, is_public
from streams.alerts.notifiers.delivery import Failure, Surroundings, persist
from streams.alerts.notifiers.trust import trust
from streams.alerts.visible import visible

LARGEST: Final = 65_536
"""Bytes of an answer that are read."""
SHOWN: Final = 200
JSON: Final = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a target said when it accepted."""

    status: int
    body: bytes
    whole: bool
    """False where the target hung up before the end of its answer, or it was longer than LARGEST."""

    def __str__(self) -> str:
        said = visible(self.body[:SHOWN].decode("utf-8", "replace").strip(), SHOWN)
        return f"HTTP {self.status}{': ' if said else ''}{said}"


Judge = Callable[[Answer], Failure | None]


def url_of(text: str, setting: str) -> URL:
    """Return `text` as an http or https URL. Raises SettingsError, which does not quote it."""
    try:
        url = URL(text)
    except ValueError:
        url = URL()
    if url.scheme not in {"http", "https"} or not url.host:
        message = f"{setting}: must be an http or https address with a host"
        raise SettingsError(message)
    return url


class Poster:
    """POSTs to one target: at most ATTEMPTS times on 429, 5xx and no answer, once otherwise."""

    def __init__(self, setting: str, target: Target, surroundings: Surroundings) -> None:
        """`setting` is the dotted key of the target. Raises SettingsError where its ca_file cannot be used."""
        self._setting = setting
        self._target = target
        self._surroundings = surroundings
        self._trust = trust(setting, target.ca_file)

    async def post(
        self,
        url: URL,
        body: bytes,
        headers: Callable[[], Mapping[str, str]],
        judge: Judge = lambda _: None,
    ) -> Answer:
        """Return the answer that accepts `body`; `headers` are made for each attempt.

        `judge` looks at a 2xx answer that may still be a failure, and may raise DeliveryError where it is a refusal.
        Raises DeliveryError, TargetAway.
        """
        self._refuse_private_literal(url)
        async with aiohttp.ClientSession(
            connector=self._connector(), timeout=aiohttp.ClientTimeout(total=self._target.timeout)
        ) as session:

            async def attempt() -> Answer | Failure:
                answer = await self._attempt(session, url, body, headers())
                return answer if isinstance(answer, Failure) else judge(answer) or answer

            return await persist(self._setting, self._surroundings, attempt)

    async def _attempt(
        self, session: aiohttp.ClientSession, url: URL, body: bytes, headers: Mapping[str, str]
    ) -> Answer | Failure:
        named = {"User-Agent": "DeepSentry", **headers}
        try:
            async with session.post(url, data=body, headers=named, allow_redirects=False) as response:
                return await self._answer(response)
        except TimeoutError:
            return Failure(f"no answer within {self._target.timeout:g} s")
        except aiohttp.ClientConnectorCertificateError:
            return Failure("its certificate is not trusted")
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, PrivateAddress):
                raise self._private() from None
            return Failure(f"no connection: {error.os_error.strerror or type(error).__name__}")
        except aiohttp.InvalidURL:
            message = f"{self._setting}.url: not an address that can be connected to"
            raise DeliveryError(message) from None
        except (aiohttp.ClientError, OSError) as error:
            return Failure(f"no answer: {type(error).__name__}")

    async def _answer(self, response: aiohttp.ClientResponse) -> Answer | Failure:
        status = response.status
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return Answer(status, *await _body(response))
        if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return Failure(f"HTTP {status}", self._retry_after(response.headers.get("Retry-After", "")))
        message = f"{self._setting}: refused with HTTP {status}; check its url and what it accepts"
        raise DeliveryError(message)

    def _retry_after(self, value: str) -> float | None:
        """Read seconds or an HTTP date (RFC 9110, 10.2.3); what is neither counts as not given."""
        if value.isascii() and value.isdigit():
            return float(value[:9])
        try:
            moment = parsedate_to_datetime(value)
        except ValueError:
            return None
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0.0, (aware - self._now()).total_seconds())

    def _now(self) -> datetime:
        return self._surroundings.now()

    def _connector(self) -> aiohttp.TCPConnector:
        # A new connection each time: notices are rare, and one that was kept may be half closed
        if self._target.allow_private:
            return aiohttp.TCPConnector(force_close=True, ssl=self._trust)
        return aiohttp.TCPConnector(force_close=True, use_dns_cache=False, ssl=self._trust, resolver=PublicResolver())

    def _refuse_private_literal(self, url: URL) -> None:
        host = url.host or ""  # a literal address is never given to the resolver
        if not self._target.allow_private and is_literal(host) and not is_public(host):
            raise self._private()

    def _private(self) -> DeliveryError:
        return DeliveryError(
            f"{self._setting}: its address is private; set {self._setting}.allow_private = true to allow that"
        )


async def _body(response: aiohttp.ClientResponse) -> tuple[bytes, bool]:
    """Return the first LARGEST bytes of an answer, and whether that is all; who hangs up here has accepted."""
    body = b""
    try:
        while len(body) < LARGEST:
            piece = await response.content.read(LARGEST - len(body))
            if not piece:
                return body, True
            body += piece
    except (aiohttp.ClientError, OSError, TimeoutError):
        pass
    return body, False
