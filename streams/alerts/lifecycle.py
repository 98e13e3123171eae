"""The life of an alert: pending, told, grown, escalated, repeated, resolved; or suppressed. Pure.

Whatever the state knows follows from the alerts it gave out, so `restore` rebuilds it from the topic, and a sender that
reads the topic learns from `follow` what people must be told.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import msgspec

from deepsentry.events import Alert, Anomaly
from streams.alerts import growth, incident
from streams.alerts.exemption import Exempts, covering
from streams.alerts.fingerprint import STORM, rank
from streams.alerts.notice import Update
from streams.alerts.policy import Policy
from streams.alerts.state import OPEN, SUPPRESSED, Alerts, counted, follow, since
from streams.alerts.storm import has_place, has_room, is_storm


def observe(
    state: Alerts, anomaly: Anomaly, now: datetime, exemptions: Sequence[Exempts] = (), offset: int = -1
) -> tuple[Alerts, list[Update]]:
    """Return the state with `anomaly` counted, and the alerts it opened or changed; none where it was counted before.

    `offset` is its place in its topic, -1 where that is not known.
    """
    places = (anomaly.fingerprint, anomaly.fingerprint + SUPPRESSED, STORM)
    if any(counted(alert, anomaly, offset) for place in places if (alert := state.groups.get(place))):
        return state, []
    if exemptions:
        alone = growth.opened(state.policy, None, anomaly.fingerprint, anomaly, now, offset)
        silence = covering(exemptions, alone, now)
        if silence is not None:
            return _suppress(state, growth.suppressed(alone, silence.id, silence.reason), anomaly, now)
    key = _key(state, anomaly, now)
    before = state.groups.get(key)
    if before is None or before.status not in OPEN:
        alert, before = growth.opened(state.policy, before, key, anomaly, now, offset), None
    else:
        alert = growth.grown(state.policy, before, anomaly, now, offset)
    return _correlated(state, before, alert, anomaly, now)


def tick(state: Alerts, now: datetime, exemptions: Sequence[Exempts] = ()) -> tuple[Alerts, list[Update]]:
    """Return the state at `now`, and the alerts that are due: to be told, resolved or silenced. Call it each second."""
    updates: list[Update] = []
    for _, alert in sorted(state.groups.items()):
        if alert.status not in OPEN:
            continue
        after = _due(state.policy, alert, now, exemptions)
        if after is not alert:
            state, occasion = follow(state, after)
            updates.append(Update(after, occasion))
    kept = {key: alert for key, alert in state.groups.items() if not _is_forgotten(state.policy, alert, now)}
    return replace(state, groups=kept), updates


def _due(policy: Policy, alert: Alert, now: datetime, exemptions: Sequence[Exempts]) -> Alert:
    moment = max(now, alert.updated_at)
    silence = covering(exemptions, alert, now)
    if silence is not None:
        ended = msgspec.structs.replace(alert, status="resolved", updated_at=moment)
        return msgspec.structs.replace(ended, silence=silence.id, reason=silence.reason)
    if alert.status == "firing" and since(now, alert.updated_at) >= policy.hold(alert.flaps):
        return msgspec.structs.replace(alert, status="resolved", updated_at=moment)
    return _told(policy, alert, alert, now)


def _correlated(
    state: Alerts, before: Alert | None, alert: Alert, anomaly: Anomaly, now: datetime
) -> tuple[Alerts, list[Update]]:
    """Put `alert` into the incident of its service, or begin one where it is the one too many."""
    if is_storm(alert):
        return _taken(state, [(before, alert)], now)
    around = incident.current(state, alert.service)
    if around is not None and incident.belongs(state, around, alert):
        larger = incident.grown(around, alert, anomaly, now)
        alert = msgspec.structs.replace(alert, incident=around.id)
        return _taken(state, [(before, alert), (around, larger)], now)
    if alert.incident:  # that one is over
        alert = msgspec.structs.replace(alert, incident="")
    ahead, _ = follow(state, alert)
    members = incident.due(ahead, alert.service, now) if around is None and before is None else []
    if not members or not has_room(state, now):
        return _taken(state, [(before, alert)], now)
    whole = incident.begin(state, members, now)
    joined = [(state.groups.get(m.fingerprint), msgspec.structs.replace(m, incident=whole.id)) for m in members]
    return _taken(state, [*joined, (None, whole)], now)


def _taken(state: Alerts, changes: Sequence[tuple[Alert | None, Alert]], now: datetime) -> tuple[Alerts, list[Update]]:
    """Return the state after each change (before, after), and what is to be told of it."""
    updates: list[Update] = []
    for before, after in changes:
        alert = _told(state.policy, before, after, now)
        state, occasion = follow(state, alert)
        updates.append(Update(alert, occasion))
    return state, updates


def _told(policy: Policy, before: Alert | None, alert: Alert, now: datetime) -> Alert:
    """Return `alert`, firing where it was pending for long enough, with the time of this telling if there is one."""
    if alert.status == "pending":
        if since(now, alert.opened_at) < policy.group_wait:
            return alert
        alert = msgspec.structs.replace(alert, status="firing", updated_at=max(now, alert.updated_at))
    if not _is_occasion(policy, before, alert, now):
        return alert
    moment = max(now, alert.told_at or now)
    return msgspec.structs.replace(alert, told_at=moment, told_members=alert.members)


def _is_occasion(policy: Policy, before: Alert | None, alert: Alert, now: datetime) -> bool:
    if alert.incident:  # which is told
        return False
    if alert.told_at is None:
        return True
    told = since(now, alert.told_at)
    if alert.members > alert.told_members and told >= policy.group_interval:
        return True
    worse = before is not None and rank(alert.severity) > rank(before.severity)
    return worse or (before is not alert and told >= policy.repeat)


def _suppress(state: Alerts, alone: Alert, anomaly: Anomaly, now: datetime) -> tuple[Alerts, list[Update]]:
    before = state.groups.get(anomaly.fingerprint + SUPPRESSED)
    if before is not None and before.silence == alone.silence:
        alone = growth.grown(state.policy, before, anomaly, now, alone.offset)
    elif before is not None:
        alone = msgspec.structs.replace(alone, updated_at=max(now, before.updated_at))
    state, _ = follow(state, alone)
    return state, [Update(alone, None)]


def _key(state: Alerts, anomaly: Anomaly, now: datetime) -> str:
    alert = state.groups.get(anomaly.fingerprint)
    if alert is not None and alert.status in OPEN:
        return anomaly.fingerprint
    # what opens beside an incident is told with it
    room = has_place(state) if incident.current(state, anomaly.service) else has_room(state, now)
    return anomaly.fingerprint if room else STORM


def _is_forgotten(policy: Policy, alert: Alert, now: datetime) -> bool:
    return alert.status not in OPEN and since(now, alert.updated_at) > policy.max_hold
