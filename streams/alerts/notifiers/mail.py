"""E-mail by SMTP, with STARTTLS, TLS or neither."""

import asyncio
import socket
import ssl
from collections.abc import Mapping
from email.message import EmailMessage
from typing import Final

import aiosmtplib

from deepsentry import logs, targets
from deepsentry.errors import DeliveryError, SettingsError
from streams.alerts import plot
from streams.alerts.notice import Notice
from streams.alerts.notifiers import letter
from streams.alerts.notifiers.addresses import Endpoint, PrivateAddress, endpoint
from streams.alerts.notifiers.delivery import Failure, Surroundings, persist
from streams.alerts.notifiers.trust import trust

PORTS: Final[Mapping[str, int]] = {"starttls": 587, "tls": 465, "none": 25}
PERMANENT: Final = 500
"""SMTP codes from here on are refusals, those below may pass (RFC 5321, 4.2.1)."""

log = logs.get("mail")


class Mail:
    """Sends one letter a notice to all recipients, on a connection of its own."""

    shows_context = True

    def __init__(self, name: str, target: targets.Email, surroundings: Surroundings) -> None:
        """Raises SettingsError."""
        self._name = name
        self._setting = f"alerts.targets.{name}"
        self._target = target
        self._surroundings = surroundings
        self._port = target.port or PORTS[target.tls]
        self._trust = trust(self._setting, target.ca_file)
        if target.user and target.tls == "none":
            message = f"{self._setting}.tls: a password is not sent without TLS; set it to starttls or tls"
            raise SettingsError(message)

    async def notify(self, notice: Notice) -> str:
        """Send `notice`. Raises DeliveryError, TargetAway."""
        firing = notice.alert.status == "firing"
        image = await asyncio.to_thread(plot.png, notice.alert.anomaly) if firing else b""
        message = letter.compose(notice, self._target.sender, self._target.recipients, image)
        return await persist(self._setting, self._surroundings, lambda: self._attempt(message))

    async def _attempt(self, message: EmailMessage) -> str | Failure:
        try:
            async with asyncio.timeout(self._target.timeout):
                place = await endpoint(self._target.host, self._port, allow_private=self._target.allow_private)
                return await self._send(await _connected(place), message)
        except PrivateAddress:
            text = f"{self._setting}: its address is private; set {self._setting}.allow_private = true to allow that"
            raise DeliveryError(text) from None
        except aiosmtplib.SMTPRecipientsRefused as error:
            return self._judge(min(each.code for each in error.recipients))
        except aiosmtplib.SMTPResponseException as error:
            return self._judge(error.code)
        except aiosmtplib.SMTPNotSupported:
            text = f"{self._setting}: the server offers no {self._target.tls} or no way to log in"
            raise DeliveryError(text) from None
        except (TimeoutError, aiosmtplib.SMTPTimeoutError):
            return Failure(f"no answer within {self._target.timeout:g} s")
        except ssl.SSLCertVerificationError:
            return Failure("its certificate is not trusted")
        except (aiosmtplib.SMTPException, OSError) as error:
            untrusted = isinstance(error.__cause__, ssl.SSLCertVerificationError)
            return Failure("its certificate is not trusted" if untrusted else f"no answer: {type(error).__name__}")

    async def _send(self, connected: socket.socket, message: EmailMessage) -> str:
        target = self._target
        client = aiosmtplib.SMTP(
            hostname=target.host,
            sock=connected,
            local_hostname=self._surroundings.host or "localhost",
            timeout=target.timeout,
            use_tls=target.tls == "tls",
            start_tls=target.tls == "starttls",
            tls_context=self._trust,
            username=target.user or None,
            password=target.password.get_secret_value() or None,
        )
        # the loop owns the socket now: it ends TLS after us, and closed by us its number would soon be another's
        async with client:
            refused, answer = await client.send_message(message)
        if refused:  # the others have it, and would get it twice
            log.warning("recipients_refused", target=self._name, recipients=len(refused))
        return answer

    def _judge(self, code: int) -> Failure:
        if code < PERMANENT:
            return Failure(f"SMTP {code}")
        message = f"{self._setting}: refused with SMTP {code}; check its user, sender and recipients"
        raise DeliveryError(message)


async def _connected(place: Endpoint) -> socket.socket:
    connection = socket.socket(place.family, socket.SOCK_STREAM)
    connection.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(connection, (place.address, place.port))
    except BaseException:
        connection.close()
        raise
    return connection
