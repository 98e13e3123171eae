"""How one alert begins and grows with its anomalies. Pure."""

from datetime import datetime
from typing import Final

import msgspec

from deepsentry.events import Alert, AlertStatus, Anomaly
from streams.alerts import storm
from streams.alerts.fingerprint import STORM, digest, rank
from streams.alerts.impact import severity
from streams.alerts.policy import Policy

REMEMBERED: Final = 50
"""Anomaly ids that an alert carries, the newest: what comes twice from a worker that was killed has the same id."""
HOSTS: Final = 20
TITLE: Final = 150
"""Characters: the header of a Slack message, the strictest of those that show it whole."""


def opened(policy: Policy, before: Alert | None, key: str, anomaly: Anomaly, now: datetime, offset: int = -1) -> Alert:
    """Return the alert of fingerprint `key` that `anomaly` opens; `before` is the closed one that it follows."""
    came_back = before is not None and (now - before.updated_at).total_seconds() <= policy.max_hold
    alert = Alert(
        id=digest(key, anomaly.id),
        fingerprint=key,
        status="pending",
        severity=severity(anomaly.severity, policy.tiers.get(anomaly.service, "normal"), 1),
        title=_title(policy, key, anomaly, 1),
        service=anomaly.service,
        hosts=(anomaly.host,) if anomaly.host else (),
        count=1,
        first_seen=anomaly.observed_at,
        last_seen=anomaly.observed_at,
        # A clock set back must not make the new alert look older than the one it follows
        updated_at=max(now, before.updated_at) if before else now,
        anomaly=anomaly,
        anomaly_ids=(anomaly.id,),
        opened_at=now,
        flaps=before.flaps + 1 if before is not None and came_back else 0,
        offset=offset,
    )
    return msgspec.structs.replace(alert, runbook=policy.runbook(alert))


def suppressed(alert: Alert, silence: str, reason: str) -> Alert:
    """Return `alert`, newly opened, as one that nobody is told of."""
    status: AlertStatus = "suppressed"
    identity = digest(alert.id, status)
    return msgspec.structs.replace(alert, id=identity, status=status, silence=silence, reason=reason)


def grown(policy: Policy, alert: Alert, anomaly: Anomaly, now: datetime, offset: int = -1) -> Alert:
    """Return `alert` after one more `anomaly`."""
    strangest = anomaly if anomaly.score > alert.anomaly.score else alert.anomaly
    known = anomaly.host in alert.hosts or not anomaly.host
    count = alert.count + 1
    worse = severity(anomaly.severity, policy.tiers.get(anomaly.service, "normal"), count)
    return msgspec.structs.replace(
        alert,
        severity=max(alert.severity, worse, key=rank),
        title=_title(policy, alert.fingerprint, strangest, count),
        service=alert.service if alert.service == anomaly.service else "",
        hosts=alert.hosts if known else (*alert.hosts, anomaly.host)[:HOSTS],
        count=count,
        first_seen=min(alert.first_seen, anomaly.observed_at),
        last_seen=max(alert.last_seen, anomaly.observed_at),
        updated_at=max(alert.updated_at, now),
        anomaly=strangest,
        anomaly_ids=(*alert.anomaly_ids, anomaly.id)[-REMEMBERED:],
        offset=max(alert.offset, offset),
    )


def shortened(title: str) -> str:
    """Return `title`, cut to TITLE characters."""
    return title if len(title) <= TITLE else title[: TITLE - 1] + "…"


def _title(policy: Policy, key: str, anomaly: Anomaly, count: int) -> str:
    if key == STORM:
        return storm.title(policy, count)
    summary = anomaly.explanation.summary
    return shortened(f"{anomaly.service}: {summary}" if anomaly.service else summary)
