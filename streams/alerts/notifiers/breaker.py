"""A target that keeps failing is left alone for a while, so that it holds nobody up."""

from collections.abc import Callable
from typing import Final

from deepsentry.errors import DeliveryError
from streams.alerts.notice import Notice
from streams.alerts.notifiers.notifier import Notifier

FAILURES: Final = 3
REST: Final = 60.0


class Breaker:
    """Circuit breaker around a notifier: after FAILURES in a row it refuses for REST seconds, then lets one try."""

    def __init__(self, inner: Notifier, monotonic: Callable[[], float]) -> None:
        """`monotonic` gives seconds that never go back."""
        self._inner = inner
        self._monotonic = monotonic
        self._failures = 0
        self._closed_at = 0.0

    async def notify(self, notice: Notice) -> None:
        """Tell the target, or raise DeliveryError at once while it rests."""
        if self._failures >= FAILURES and self._monotonic() < self._closed_at:
            wait = self._closed_at - self._monotonic()
            message = f"failed {self._failures} times in a row; tried again in {wait:.0f} s"
            raise DeliveryError(message)
        try:
            await self._inner.notify(notice)
        except DeliveryError:
            self._failures += 1
            self._closed_at = self._monotonic() + REST
            raise
        self._failures = 0
