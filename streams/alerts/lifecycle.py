"""The life of an alert: opened, grown, escalated, repeated, resolved. Pure; the alert topic is its only memory.

Whatever the state knows follows from the alerts it gave out, so `restore` rebuilds it from the topic, and a sender that
reads the topic learns from `follow` what people must be told.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

import msgspec

from deepsentry.events import Alert, Anomaly
from deepsentry.topics import ANOMALIES
from streams.alerts.fingerprint import digest, rank
from streams.alerts.notice import Occasion, Update

STORM: Final = "storm"
"""Fingerprint of the one alert that stands for all beyond `Policy.max_open`."""
REMEMBERED: Final = 50
"""Anomaly ids that an alert carries, the newest. A replay of more of one fingerprint counts some of them twice."""
HOSTS: Final = 20
TITLE: Final = 150
"""Characters: the header of a Slack message, the strictest of those that show it whole."""


@dataclass(frozen=True, slots=True)
class Policy:
    """When alerts resolve and people are told; times in seconds."""

    quiet: float = 300.0
    """Without a new anomaly for so long, an alert resolves; doubled for each time that it came back."""
    max_hold: float = 3600.0
    """Bound of that doubling, and how long a resolved alert can still be said to have come back."""
    repeat: float = 14_400.0
    """An alert that still grows is told again after so long (Alertmanager's default)."""
    max_open: int = 100
    """Alerts open at once; anomalies of further fingerprints go to one summary alert."""


@dataclass(frozen=True, slots=True)
class Group:
    """The newest alert of one fingerprint."""

    alert: Alert
    told_at: datetime
    flaps: int = 0
    """How often in a row it came back soon after it had resolved."""


@dataclass(frozen=True, slots=True)
class Alerts:
    """Open alerts, and lately resolved ones, by fingerprint. One state serves one partition of the anomalies topic."""

    policy: Policy
    groups: Mapping[str, Group] = field(default_factory=dict)


def observe(state: Alerts, anomaly: Anomaly, now: datetime) -> tuple[Alerts, list[Update]]:
    """Return the state with `anomaly` counted, and the alert it opened or changed; none where its id is known."""
    key = _key(state, anomaly.fingerprint)
    if any(anomaly.id in _ids(state, place) for place in (anomaly.fingerprint, STORM)):
        return state, []
    group = state.groups.get(key)
    if group is None or group.alert.status == "resolved":
        alert = _open(state, key, anomaly, now)
    else:
        alert = _grow(state, group.alert, anomaly, now)
    state, occasion = follow(state, alert)
    return state, [Update(alert, occasion)]


def tick(state: Alerts, now: datetime) -> tuple[Alerts, list[Update]]:
    """Return the state at `now` and the alerts that resolved because they were quiet; call it every few seconds."""
    updates: list[Update] = []
    for _, group in sorted(state.groups.items()):
        silent = (now - group.alert.updated_at).total_seconds()
        if group.alert.status == "firing" and silent >= _hold(state.policy, group.flaps):
            alert = msgspec.structs.replace(group.alert, status="resolved", updated_at=now)
            state, occasion = follow(state, alert)
            updates.append(Update(alert, occasion))
    kept = {key: group for key, group in state.groups.items() if not _is_forgotten(state.policy, group, now)}
    return replace(state, groups=kept), updates


def follow(state: Alerts, alert: Alert) -> tuple[Alerts, Occasion | None]:
    """Return the state with `alert` in it, and the occasion to tell people; one older than the known is ignored."""
    group = state.groups.get(alert.fingerprint)
    if group is not None and alert.updated_at < group.alert.updated_at:
        return state, None
    occasion = _occasion(state.policy, group, alert)
    match occasion:
        case "opened":
            flaps = group.flaps + 1 if group and _came_back(state.policy, group, alert) else 0
        case _:
            flaps = group.flaps if group else 0
    told_at = alert.updated_at if occasion or group is None else group.told_at
    groups = {**state.groups, alert.fingerprint: Group(alert, told_at, flaps)}
    return replace(state, groups=_bounded(state.policy, groups)), occasion


def restore(policy: Policy, alerts: Iterable[Alert]) -> Alerts:
    """Return the state after `alerts`, as read from the topic, oldest first.

    Where compaction took the older ones, an alert counts as told when it last changed and its flaps are fewer.
    """
    state = Alerts(policy)
    for alert in alerts:
        state, _ = follow(state, alert)
    return state


def _occasion(policy: Policy, group: Group | None, alert: Alert) -> Occasion | None:
    if group is None or group.alert.id != alert.id:
        return "opened" if alert.status == "firing" else "resolved"
    if alert.status == "resolved":
        return "resolved" if group.alert.status == "firing" else None
    if group.alert.status == "resolved":
        return "opened"
    if rank(alert.severity) > rank(group.alert.severity):
        return "escalated"
    return "repeated" if (alert.updated_at - group.told_at).total_seconds() >= policy.repeat else None


def _key(state: Alerts, fingerprint: str) -> str:
    group = state.groups.get(fingerprint)
    if group is not None and group.alert.status == "firing":
        return fingerprint
    firing = sum(g.alert.status == "firing" for key, g in state.groups.items() if key != STORM)
    return fingerprint if firing < state.policy.max_open else STORM


def _ids(state: Alerts, key: str) -> tuple[str, ...]:
    group = state.groups.get(key)
    return group.alert.anomaly_ids if group else ()


def _open(state: Alerts, key: str, anomaly: Anomaly, now: datetime) -> Alert:
    before = state.groups.get(key)
    return Alert(
        id=digest(key, anomaly.id),
        fingerprint=key,
        status="firing",
        severity=anomaly.severity,
        title=_title(state.policy, key, anomaly, 1),
        service=anomaly.service,
        hosts=(anomaly.host,) if anomaly.host else (),
        count=1,
        first_seen=anomaly.observed_at,
        last_seen=anomaly.observed_at,
        # A clock set back must not make the new alert look older than the one it follows
        updated_at=max(now, before.alert.updated_at) if before else now,
        anomaly=anomaly,
        anomaly_ids=(anomaly.id,),
    )


def _grow(state: Alerts, alert: Alert, anomaly: Anomaly, now: datetime) -> Alert:
    strangest = anomaly if anomaly.score > alert.anomaly.score else alert.anomaly
    known = anomaly.host in alert.hosts or not anomaly.host
    return msgspec.structs.replace(
        alert,
        severity=max(alert.severity, anomaly.severity, key=rank),
        title=_title(state.policy, alert.fingerprint, strangest, alert.count + 1),
        service=alert.service if alert.service == anomaly.service else "",
        hosts=alert.hosts if known else (*alert.hosts, anomaly.host)[:HOSTS],
        count=alert.count + 1,
        first_seen=min(alert.first_seen, anomaly.observed_at),
        last_seen=max(alert.last_seen, anomaly.observed_at),
        updated_at=max(alert.updated_at, now),
        anomaly=strangest,
        anomaly_ids=(*alert.anomaly_ids, anomaly.id)[-REMEMBERED:],
    )


def _title(policy: Policy, key: str, anomaly: Anomaly, count: int) -> str:
    if key == STORM:
        return f"Alert storm: {count:,} anomalies beyond {policy.max_open:,} open alerts; each is on {ANOMALIES.name}"
    title = f"{anomaly.service}: {anomaly.explanation.summary}" if anomaly.service else anomaly.explanation.summary
    return title if len(title) <= TITLE else title[: TITLE - 1] + "…"


def _hold(policy: Policy, flaps: int) -> float:
    return max(policy.quiet, min(policy.quiet * 2.0 ** min(flaps, 32), policy.max_hold))


def _came_back(policy: Policy, group: Group, alert: Alert) -> bool:
    return (alert.updated_at - group.alert.updated_at).total_seconds() <= policy.max_hold


def _is_forgotten(policy: Policy, group: Group, now: datetime) -> bool:
    return group.alert.status == "resolved" and (now - group.alert.updated_at).total_seconds() > policy.max_hold


def _bounded(policy: Policy, groups: dict[str, Group]) -> dict[str, Group]:
    if len(groups) <= 2 * policy.max_open + 1:
        return groups
    resolved = [(group.alert.updated_at, key) for key, group in groups.items() if group.alert.status == "resolved"]
    _, oldest = min(resolved, default=(None, None))
    return {key: group for key, group in groups.items() if key != oldest}
