"""What is known of alerts, and what people must be told when one changes. Pure; the alert topic is its only memory.

An alert carries all that its later life depends on, so the newest record of each key is enough to go on, also where
compaction took the older ones.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from deepsentry.events import Alert, Anomaly
from streams.alerts.fingerprint import rank
from streams.alerts.notice import Occasion
from streams.alerts.policy import Policy

OPEN: Final = frozenset({"pending", "firing"})
SUPPRESSED: Final = "/suppressed"
"""Ends the key of a suppressed alert: it must not take the place of one that people know."""


@dataclass(frozen=True, slots=True)
class Alerts:
    """Open alerts, and lately closed ones, by key. One state serves one partition of the anomalies topic."""

    policy: Policy
    groups: Mapping[str, Alert] = field(default_factory=dict)

    def open(self) -> list[Alert]:
        """Return those that are pending or fire."""
        return [alert for alert in self.groups.values() if alert.status in OPEN]


def key_of(alert: Alert) -> str:
    """Return what `alert` replaces an earlier record of."""
    return alert.fingerprint + SUPPRESSED if alert.status == "suppressed" else alert.fingerprint


def follow(state: Alerts, alert: Alert) -> tuple[Alerts, Occasion | None]:
    """Return the state with `alert` in it, and the occasion to tell people; one older than the known is ignored."""
    key = key_of(alert)
    before = state.groups.get(key)
    if before is not None and alert.updated_at < before.updated_at:
        return state, None
    groups = _bounded(state.policy, {**state.groups, key: alert})
    return replace(state, groups=groups), _occasion(before, alert)


def counted(alert: Alert, anomaly: Anomaly, offset: int) -> bool:
    """Tell whether `alert` has counted `anomaly`, which stands at `offset` (-1: unknown)."""
    return anomaly.id in alert.anomaly_ids or 0 <= offset <= alert.offset


def restore(policy: Policy, alerts: Iterable[Alert]) -> Alerts:
    """Return the state after `alerts`, as read from the topic, oldest first."""
    state = Alerts(policy)
    for alert in alerts:
        state, _ = follow(state, alert)
    return state


def since(now: datetime, moment: datetime | None) -> float:
    """Return the seconds from `moment` to `now`; endless where it never was."""
    return (now - moment).total_seconds() if moment else float("inf")


def _occasion(before: Alert | None, alert: Alert) -> Occasion | None:
    if alert.told_at is None or alert.status in {"pending", "suppressed"}:
        return None
    known = before if before is not None and before.id == alert.id else None
    if alert.status == "resolved":
        return None if known and known.status == "resolved" else "resolved"
    if known is None or known.told_at is None or known.status == "resolved":
        return "opened"
    if known.told_at == alert.told_at:
        return None
    return "escalated" if rank(alert.severity) > rank(known.severity) else "repeated"


def _bounded(policy: Policy, groups: dict[str, Alert]) -> dict[str, Alert]:
    most = 2 * policy.max_open
    if len(groups) <= most:
        return groups
    closed = [(alert.updated_at, key) for key, alert in groups.items() if alert.status not in OPEN]
    if len(closed) > most:
        del groups[min(closed)[1]]
    return groups
