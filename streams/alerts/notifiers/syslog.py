"""Syslog, RFC 5424, over UDP (RFC 5426), TCP with octet counts (RFC 6587) or TLS (RFC 5425)."""

import asyncio
import contextlib
import ssl
from collections.abc import Iterable, Mapping
from datetime import UTC
from typing import Final, Literal

from deepsentry import targets
from deepsentry.errors import DeliveryError
from deepsentry.events import Severity
from streams.alerts import wording
from streams.alerts.notice import Notice
from streams.alerts.notifiers.addresses import Endpoint, PrivateAddress, endpoint
from streams.alerts.notifiers.delivery import Failure, Surroundings, persist
from streams.alerts.notifiers.trust import trust
from streams.alerts.visible import visible

Transport = Literal["udp", "tcp", "tls"]
PORTS: Final[Mapping[Transport, int]] = {"udp": 514, "tcp": 601, "tls": 6514}
LIMITS: Final[Mapping[Transport, int]] = {"udp": 2048, "tcp": 8192, "tls": 8192}
"""Octets of a message: what receivers should take (RFC 5424, 6.1), and rsyslog's own bound where there is a stream."""
SEVERITIES: Final[Mapping[Severity, int]] = {"critical": 2, "error": 3, "warning": 4, "info": 6}
NOTICE: Final = 5
"""Severity of a resolved alert."""
SD_ID: Final = "deepsentry@32473"
"""32473 is the enterprise number for documentation (RFC 5612)."""
HOSTNAME: Final = 255
BOM: Final = b"\xef\xbb\xbf"
REFUSED_WITHIN: Final = 0.05
"""Seconds in which a machine says that nobody listens on a UDP port."""


def message(notice: Notice, facility: int, host: str, limit: int) -> bytes:
    """Return `notice` in one message of at most `limit` octets (at least 480, which every receiver takes)."""
    alert, strange = notice.alert, notice.alert.anomaly
    level = NOTICE if alert.status == "resolved" else SEVERITIES[alert.severity]
    moment = alert.updated_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    name = "".join(character for character in host if "!" <= character <= "~")[:HOSTNAME] or "-"
    head = f"<{facility * 8 + level}>1 {moment} {name} deepsentry - {notice.occasion} ".encode()
    # in the order of their worth: what does not fit is left out
    parameters = {
        "key": notice.key,
        "severity": alert.severity,
        "fingerprint": alert.fingerprint,
        "count": str(alert.count),
        "score": f"{strange.score:.2f}",
        "view": strange.view,
        "service": alert.service,
        "host": strange.host,
        "anomaly": strange.id,
        "sequence": strange.sequence,
        "template": strange.explanation.template,
        "line": next((line.message for line in strange.lines if line.deviates), ""),
    }
    text = wording.title(alert)
    marked = b" " if text.isascii() else b" " + BOM
    least = min(len(marked) + len(text.encode()), limit // 4)
    data = _structured(parameters.items(), limit - len(head) - least)
    return head + data + marked + _cut(text.encode(), limit - len(head) - len(data) - len(marked))


def _structured(parameters: Iterable[tuple[str, str]], room: int) -> bytes:
    element = f"[{SD_ID}".encode()
    for name, value in parameters:
        shown = visible(value, wording.NAME).replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")
        parameter = f' {name}="{shown}"'.encode()
        if value and len(element) + len(parameter) < room:
            element += parameter
    return element + b"]"


def _cut(text: bytes, limit: int) -> bytes:
    if len(text) <= limit:
        return text
    return text[: limit - 3].decode(errors="ignore").encode() + "…".encode()


class Syslog:
    """Sends each notice as one message, on a connection of its own."""

    def __init__(self, name: str, target: targets.Syslog, surroundings: Surroundings) -> None:
        """Raises SettingsError where ca_file cannot be used."""
        self._setting = f"alerts.targets.{name}"
        self._target = target
        self._surroundings = surroundings
        self._port = target.port or PORTS[target.transport]
        self._trust = trust(self._setting, target.ca_file) if target.transport == "tls" else None

    async def notify(self, notice: Notice) -> str:
        """Send `notice`. Raises DeliveryError, TargetAway; UDP does not say whether a message arrived."""
        limit = LIMITS[self._target.transport]
        data = message(notice, self._target.facility, self._surroundings.host, limit)
        return await persist(self._setting, self._surroundings, lambda: self._attempt(data))

    async def _attempt(self, data: bytes) -> str | Failure:
        try:
            async with asyncio.timeout(self._target.timeout):
                place = await endpoint(self._target.host, self._port, allow_private=self._target.allow_private)
                match self._target.transport:
                    case "udp":
                        return await _datagram(place, data)
                    case "tcp" | "tls":
                        return await self._stream(place, data)
        except TimeoutError:
            return Failure(f"no answer within {self._target.timeout:g} s")
        except PrivateAddress:
            message = f"{self._setting}: its address is private; set {self._setting}.allow_private = true to allow that"
            raise DeliveryError(message) from None
        except ssl.SSLCertVerificationError:
            return Failure("its certificate is not trusted")
        except OSError as error:
            return Failure(f"no connection: {error.strerror or type(error).__name__}")

    async def _stream(self, place: Endpoint, data: bytes) -> str:
        """Write one frame, end our side, and wait until the receiver, having read to that end, ends its own."""
        name = self._target.host if self._trust else None
        reader, writer = await asyncio.open_connection(
            place.address, place.port, family=place.family, ssl=self._trust, server_hostname=name
        )
        try:
            writer.write(b"%d %b" % (len(data), data))
            await writer.drain()
            if self._trust is None:
                writer.write_eof()
                while await reader.read(1024):
                    pass
        finally:
            writer.close()
        await writer.wait_closed()
        return f"took {len(data)} octets"


async def _datagram(place: Endpoint, data: bytes) -> str:
    refused: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()

    class Ear(asyncio.DatagramProtocol):
        def error_received(self, exc: Exception) -> None:
            if not refused.done():
                refused.set_result(exc)

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        Ear, remote_addr=(place.address, place.port), family=place.family
    )
    try:
        transport.sendto(data)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(REFUSED_WITHIN):
                raise await refused
    finally:
        transport.close()
    return f"{len(data)} octets sent by UDP, which gives no answer"
