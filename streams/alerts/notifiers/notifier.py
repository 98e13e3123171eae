"""The seam between alerts and those who are told."""

from typing import Protocol

from streams.alerts.notice import Notice


class Notifier(Protocol):
    """Tells one target."""

    async def notify(self, notice: Notice) -> None:
        """Return once the target has accepted `notice`, under `notice.key` however often it is tried.

        Raises DeliveryError where it refused or did not answer in its time; the reason belongs into a dead letter.
        """
