"""The seam between alerts and those who are told."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from deepsentry.events import Alert
from streams.alerts.notice import Notice


class Notifier(Protocol):
    """Tells one target; one with `shows_context = True` gets notices with what stood around the alert."""

    async def notify(self, notice: Notice) -> str:
        """Return what the target answered when it accepted `notice`, in one line for a person.

        It goes out under `notice.key` however often it is tried. Raises DeliveryError where the target refused, and
        TargetAway where it did not answer in its time; the reason belongs into a dead letter.
        """


@runtime_checkable
class Refresher(Protocol):
    """Tells a target that forgets alerts which it does not hear of."""

    every: float
    """Seconds after which it must hear of those that fire."""

    async def refresh(self, alerts: Sequence[Alert]) -> None:
        """Say that `alerts` still fire. Raises DeliveryError."""
