"""Prometheus Alertmanager, API v2: the label set is the alert, and what is not sent again is over."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from deepsentry import targets, wire
from deepsentry.events import Alert, Severity
from streams.alerts import wording
from streams.alerts.fingerprint import SEVERITIES, rank
from streams.alerts.notice import Notice
from streams.alerts.notifiers.delivery import Surroundings
from streams.alerts.notifiers.posting import JSON, Poster, url_of
from streams.alerts.storm import is_storm
from streams.alerts.visible import visible

MISSES: Final = 4
"""Times that a firing alert may fail to be sent again before Alertmanager lets it go, as Prometheus does."""


def firing(alert: Alert, until: datetime) -> dict[str, Any]:
    """Return `alert` as one that fires until it is heard of no more."""
    strange = alert.anomaly
    annotations = {
        "summary": wording.title(alert),
        "seen": wording.seen(alert),
        "where": wording.where(strange, alert.hosts),
        **dict(wording.reasons(strange)),
        "lines": "\n".join(wording.lines(strange)),
        "score": f"{strange.score:.2f}",
        "look_closer": wording.closer(strange),
        "runbook_url": visible(alert.runbook, wording.ADDRESS),
        "alert": visible(alert.id),
    }
    return {
        "labels": labels(alert, alert.severity),
        "annotations": {name: value for name, value in annotations.items() if value},
        **_span(alert, until),
    }


def over(alert: Alert, severities: Iterable[Severity], at: datetime) -> list[dict[str, Any]]:
    """Return `alert` as it was told with each of `severities`, ended at `at`."""
    return [{"labels": labels(alert, each), "annotations": {}, **_span(alert, at)} for each in severities]


def labels(alert: Alert, severity: Severity) -> dict[str, str]:
    """Return what identifies `alert`: nothing that changes while it lives, but its severity, by which people route."""
    storm = is_storm(alert)
    named = {
        "alertname": "LogAnomalyStorm" if storm else "LogIncident" if alert.members else "LogAnomaly",
        "severity": severity,
        "service": "" if storm else visible(alert.service, wording.NAME),
        "view": "" if storm or alert.members else alert.anomaly.view,
        "fingerprint": visible(alert.fingerprint, wording.NAME),
    }
    return {name: value for name, value in named.items() if value}


def _span(alert: Alert, end: datetime) -> dict[str, str]:
    # a log's clock may be ahead of ours, and what ends before it starts is refused
    start = min(alert.first_seen, end - timedelta(seconds=1))
    return {"startsAt": start.isoformat(), "endsAt": end.isoformat()}


class Alertmanager:
    """Sends alerts, and those that fire again and again."""

    def __init__(self, name: str, target: targets.Alertmanager, surroundings: Surroundings) -> None:
        """Raises SettingsError on an unusable URL."""
        setting = f"alerts.targets.{name}"
        self.every = target.resend
        self._token = target.token.get_secret_value()
        self._url = url_of(target.url, f"{setting}.url") / "api/v2/alerts"
        self._poster = Poster(setting, target, surroundings)
        self._now = surroundings.now

    async def notify(self, notice: Notice) -> str:
        """Send `notice`. Raises DeliveryError, TargetAway."""
        alert, now = notice.alert, self._now()
        if alert.status == "resolved":
            return await self._send(over(alert, SEVERITIES[rank(alert.severity) :: -1], min(alert.updated_at, now)))
        milder = SEVERITIES[: rank(alert.severity)] if notice.occasion == "escalated" else ()
        return await self._send([firing(alert, self._until()), *over(alert, milder, now)])

    async def refresh(self, alerts: Sequence[Alert]) -> None:
        """Send what still fires. Raises DeliveryError, TargetAway."""
        await self._send([firing(alert, self._until()) for alert in alerts])

    def _until(self) -> datetime:
        return self._now() + timedelta(seconds=MISSES * self.every)

    async def _send(self, alerts: list[dict[str, Any]]) -> str:
        headers = {"Content-Type": JSON, **({"Authorization": f"Bearer {self._token}"} if self._token else {})}
        return str(await self._poster.post(self._url, wire.encode(alerts), lambda: headers))
