"""A target that keeps failing is left alone for a while, so that it is not kept from coming back."""

from collections.abc import Callable, Sequence
from typing import Final

from deepsentry.errors import TargetAway
from deepsentry.events import Alert
from streams.alerts.notice import Notice
from streams.alerts.notifiers.notifier import Notifier, Refresher

FAILURES: Final = 3
REST: Final = 60.0


class Breaker:
    """Circuit breaker around a notifier: after FAILURES in a row it refuses for REST seconds, then lets one try.

    What a target refuses for good is no failure of the target.
    """

    def __init__(self, inner: Notifier, monotonic: Callable[[], float]) -> None:
        """`monotonic` gives seconds that never go back."""
        self._inner = inner
        self._monotonic = monotonic
        self._failures = 0
        self._closed_at = 0.0

    @property
    def every(self) -> float:
        """Seconds after which the target must hear of alerts that fire; infinity where it does not forget."""
        return self._inner.every if isinstance(self._inner, Refresher) else float("inf")

    @property
    def shows_context(self) -> bool:
        """Whether the target shows what stood around an alert."""
        return bool(getattr(self._inner, "shows_context", False))

    async def notify(self, notice: Notice) -> str:
        """Tell the target, or raise TargetAway at once while it rests."""
        self._look()
        try:
            answer = await self._inner.notify(notice)
        except TargetAway:
            self._failed()
            raise
        self._failures = 0
        return answer

    async def refresh(self, alerts: Sequence[Alert]) -> None:
        """The same for what still fires."""
        if not isinstance(self._inner, Refresher):
            return
        self._look()
        try:
            await self._inner.refresh(alerts)
        except TargetAway:
            self._failed()
            raise
        self._failures = 0

    def _look(self) -> None:
        wait = self._closed_at - self._monotonic()
        if self._failures >= FAILURES and wait > 0:
            message = f"failed {self._failures} times in a row; tried again in {wait:.0f} s"
            raise TargetAway(message, wait)

    def _failed(self) -> None:
        self._failures += 1
        self._closed_at = self._monotonic() + REST
