"""Several problems of one service at about the same time are one incident, apart from their fingerprints. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import msgspec

from deepsentry.events import Alert, Anomaly
from streams.alerts.fingerprint import digest, rank
from streams.alerts.growth import HOSTS, REMEMBERED, shortened
from streams.alerts.state import OPEN, Alerts, counted, since
from streams.alerts.storm import is_storm


def incident_key(service: str) -> str:
    """Return the fingerprint of the incidents of `service`."""
    return f"incident-{digest('incident', service)}"


def current(state: Alerts, service: str) -> Alert | None:
    """Return the incident of `service` that is open."""
    found = state.groups.get(incident_key(service)) if service else None
    return found if found is not None and found.status in OPEN else None


def due(state: Alerts, service: str, now: datetime) -> list[Alert]:
    """Return the alerts of `service` that make an incident together; none where they are too few."""
    policy = state.policy
    if not policy.incident_after or not service:
        return []
    found = [
        alert
        for alert in state.open()
        if alert.service == service
        and not alert.members
        and not is_storm(alert)
        and since(now, alert.opened_at) <= policy.incident_window
    ]
    return sorted(found, key=_age) if len(found) >= policy.incident_after else []


def belongs(state: Alerts, incident: Alert, alert: Alert) -> bool:
    """Tell whether `alert`, of the same service, opened close enough to `incident`."""
    if incident.opened_at is None or is_storm(alert):
        return False
    return since(incident.opened_at, alert.opened_at) <= state.policy.incident_window


def begin(state: Alerts, members: Sequence[Alert], now: datetime) -> Alert:
    """Return the incident that `members`, all of one service, make."""
    strangest = max(members, key=lambda alert: alert.anomaly.score).anomaly
    key = incident_key(members[0].service)
    before = state.groups.get(key)
    incident = Alert(
        id=digest(key, members[-1].anomaly_ids[-1]),
        fingerprint=key,
        status="pending",
        severity=max((alert.severity for alert in members), key=rank),
        title="",
        service=members[0].service,
        hosts=tuple(dict.fromkeys(host for alert in members for host in alert.hosts))[:HOSTS],
        count=sum(alert.count for alert in members),
        first_seen=min(alert.first_seen for alert in members),
        last_seen=max(alert.last_seen for alert in members),
        updated_at=max(now, before.updated_at) if before else now,
        anomaly=strangest,
        anomaly_ids=tuple(name for alert in members for name in alert.anomaly_ids)[-REMEMBERED:],
        opened_at=now,
        alerts=tuple(alert.id for alert in members)[-REMEMBERED:],
        members=len(members),
        offset=max(alert.offset for alert in members),
    )
    return msgspec.structs.replace(incident, title=_title(incident), runbook=state.policy.runbook(incident))


def grown(incident: Alert, member: Alert, anomaly: Anomaly, now: datetime) -> Alert:
    """Return `incident` after `anomaly`, which opened or grew its `member`.

    It is published before its members: after a crash it may have counted already what they count anew.
    """
    if counted(incident, anomaly, member.offset):
        return incident
    new = member.incident != incident.id
    strangest = anomaly if anomaly.score > incident.anomaly.score else incident.anomaly
    known = anomaly.host in incident.hosts or not anomaly.host
    after = msgspec.structs.replace(
        incident,
        severity=max(incident.severity, member.severity, key=rank),
        hosts=incident.hosts if known else (*incident.hosts, anomaly.host)[:HOSTS],
        count=incident.count + (member.count if new else 1),
        first_seen=min(incident.first_seen, anomaly.observed_at),
        last_seen=max(incident.last_seen, anomaly.observed_at),
        updated_at=max(incident.updated_at, now),
        anomaly=strangest,
        anomaly_ids=(*incident.anomaly_ids, anomaly.id)[-REMEMBERED:],
        alerts=(*incident.alerts, member.id)[-REMEMBERED:] if new else incident.alerts,
        members=incident.members + new,
        offset=max(incident.offset, member.offset),
    )
    return msgspec.structs.replace(after, title=_title(after))


def adopted(state: Alerts) -> Alerts:
    """Return the state with each open incident's alerts in it, also where its worker died before it said so."""
    groups = dict(state.groups)
    for whole in state.open():
        for key, alert in state.groups.items():
            if whole.members and alert.status in OPEN and alert.id in whole.alerts and not alert.incident:
                groups[key] = msgspec.structs.replace(alert, incident=whole.id)
    return replace(state, groups=groups)


def _age(alert: Alert) -> tuple[datetime, str]:
    return alert.opened_at or alert.updated_at, alert.id


def _title(incident: Alert) -> str:
    strangest = incident.anomaly.explanation.summary
    return shortened(f"{incident.service}: {incident.members} problems at once, the strangest: {strangest}")
