"""What one target was told, so that what it was told of is also told to be over. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

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
    """Fingerprint -> id of the alert that the target was told of last, empty where it could not be told."""

    def firing(self) -> list[Alert]:
        """Return the alerts that fire and of which the target was told."""
        known = (alert for alert in self.state.groups.values() if self.told.get(alert.fingerprint) == alert.id)
        return [alert for alert in known if alert.status == "firing"]


def hear(audience: Audience, alert: Alert, wanted: Wanted) -> tuple[Audience, Occasion | None]:
    """Return the audience after `alert`, and the occasion to tell the target, if there is one.

    An alert can enter or leave a route while it lives, as its severity or its hosts change. A target that does not know
    of one that fires hears that it opened; one that knows of it hears of its end, wherever its route leads then.
    """
    state, occasion = follow(audience.state, alert)
    if state is audience.state:  # older than what is known
        return audience, None
    known = audience.told.get(alert.fingerprint)
    if known != alert.id and alert.status == "firing" and alert.told_at is not None and not alert.incident:
        occasion = "opened"
    ends = alert.status == "resolved"
    wants = known == alert.id if ends and known in {alert.id, ""} else wanted(alert)
    if occasion is None or not wants:
        return Audience(state, _bounded(state, audience.told)), None
    told = {**audience.told, alert.fingerprint: alert.id}
    return Audience(state, _bounded(state, told)), occasion


def missed(audience: Audience, alert: Alert) -> Audience:
    """Return the audience where the target could not be told of `alert`: it hears of it when it next changes."""
    return replace(audience, told={**audience.told, alert.fingerprint: ""})


def _bounded(state: Alerts, told: Mapping[str, str]) -> Mapping[str, str]:
    if len(told) <= 2 * len(state.groups) + 1:
        return told
    return {fingerprint: identity for fingerprint, identity in told.items() if fingerprint in state.groups}
