"""A generic webhook: a signed CloudEvent by POST."""

import hashlib
import hmac
from datetime import datetime
from typing import Final

from pydantic import SecretStr

from deepsentry import targets
from streams.alerts.notice import Notice
from streams.alerts.notifiers import cloudevent
from streams.alerts.notifiers.delivery import Surroundings
from streams.alerts.notifiers.posting import Poster, url_of

SIGNATURE: Final = "X-DeepSentry-Signature"
KEY: Final = "Idempotency-Key"


def signature(secret: SecretStr, body: bytes, at: datetime) -> str:
    """Return `t=<Unix seconds>,v1=<hex>`: HMAC-SHA256 by `secret` over `<Unix seconds>.<body>`.

    The time is signed with the body, so a receiver can refuse what is old.
    """
    seconds = str(int(at.timestamp()))
    mac = hmac.new(secret.get_secret_value().encode(), seconds.encode() + b"." + body, hashlib.sha256)
    return f"t={seconds},v1={mac.hexdigest()}"


class Webhook:
    """POSTs each notice to one URL as a CloudEvent, with `Idempotency-Key` and, given a secret, a signature."""

    shows_context = True

    def __init__(self, name: str, target: targets.Webhook, surroundings: Surroundings) -> None:
        """Raises SettingsError on an unusable URL."""
        setting = f"alerts.targets.{name}"
        self._secret = target.secret
        self._surroundings = surroundings
        self._url = url_of(target.url.get_secret_value(), f"{setting}.url")
        self._poster = Poster(setting, target, surroundings)

    async def notify(self, notice: Notice) -> str:
        """POST `notice`. Raises DeliveryError, TargetAway."""
        body = cloudevent.encode(notice, self._surroundings.source)

        def headers() -> dict[str, str]:
            named = {"Content-Type": cloudevent.CONTENT_TYPE, KEY: f'"{notice.key}"'}
            if self._secret.get_secret_value():
                named[SIGNATURE] = signature(self._secret, body, self._surroundings.now())
            return named

        return str(await self._poster.post(self._url, body, headers))
