"""The brake on alerts: beyond so many, one summary counts them. Nothing is dropped, and the silence is announced."""

from datetime import datetime
from typing import Final

from deepsentry.events import Alert
from deepsentry.topics import ANOMALIES
from streams.alerts.fingerprint import STORM
from streams.alerts.policy import Policy
from streams.alerts.state import OPEN, Alerts, since

MINUTE: Final = 60.0


def has_room(state: Alerts, now: datetime) -> bool:
    """Tell whether one more alert may open."""
    policy = state.policy
    opened = lately = 0
    for alert in state.groups.values():
        if alert.fingerprint == STORM or alert.status == "suppressed":
            continue
        opened += alert.status in OPEN and not alert.members
        lately += not alert.incident and 0 <= since(now, alert.opened_at) < MINUTE
    return opened < policy.max_open and lately < policy.max_a_minute


def has_place(state: Alerts) -> bool:
    """Tell whether one more alert may open that people are told of with its incident."""
    opened = sum(not alert.members and alert.fingerprint != STORM for alert in state.open())
    return opened < state.policy.max_open


def title(policy: Policy, count: int) -> str:
    """Return the title of the summary of `count` anomalies."""
    bounds = f"beyond {policy.max_open:,} open alerts or {policy.max_a_minute:,} a minute"
    return f"Alert storm: {count:,} anomalies {bounds}; each is on {ANOMALIES.name}"


def is_storm(alert: Alert) -> bool:
    """Tell whether `alert` is the summary."""
    return alert.fingerprint == STORM
