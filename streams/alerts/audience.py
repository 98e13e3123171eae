"""What one target was told, so that what it was told of is also told to be over. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from deepsentry.events import Alert
from streams.alerts.notice import Occasion
from streams.alerts.state import Alerts, follow

Wanted = Callable[[Alert], bool]
"""Whether the routes lead an alert, as it is now, to the target."""


@dataclass(frozen=True, slots=True)
class Audience:
    """What happened, and which alerts the target knows."""

    state: Alerts
    told: Mapping[str, str] = field(default_factory=dict)
    """Fingerprint -> id of the alert that the target was told of last."""

    def firing(self) -> list[Alert]:
        """Return the alerts that fire and of which the target was told."""
        known = (alert for alert in self.state.groups.values() if self.told.get(alert.fingerprint) == alert.id)
        return [alert for alert in known if alert.status == "firing"]


def hear(audience: Audience, alert: Alert, wanted: Wanted) -> tuple[Audience, Occasion | None]:
    """Return the audience after `alert`, and the occasion to tell the target, if there is one.

    An alert can leave a route while it lives, as its severity or its hosts change. The target then hears no more of it
    but its end.
    """
    state, occasion = follow(audience.state, alert)
    knows = audience.told.get(alert.fingerprint) == alert.id
    if occasion is None or not (wanted(alert) or (knows and alert.status == "resolved")):
        return Audience(state, _bounded(state, audience.told)), None
    told = {**audience.told, alert.fingerprint: alert.id}
    return Audience(state, _bounded(state, told)), occasion


def _bounded(state: Alerts, told: Mapping[str, str]) -> Mapping[str, str]:
    if len(told) <= 2 * len(state.groups) + 1:
        return told
    return {fingerprint: identity for fingerprint, identity in told.items() if fingerprint in state.groups}
