"""What is remembered of earlier alerts, so that a new one can name those that were like it. Pure; bounded."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from deepsentry.events import Alert, Past, Verdict
from streams.alerts.routes import labels_of

ALERTS: Final = 2000
"""Alerts that are remembered, the newest."""
KINDS: Final = 10_000
VERDICTS: Final = 10_000
SHOWN: Final = 5
NOTE: Final = 200
"""Characters of a title or a note."""


@dataclass(frozen=True, slots=True)
class Known:
    """How long a fingerprint is known."""

    first_seen: datetime
    last_seen: datetime
    alerts: int


@dataclass(frozen=True, slots=True)
class _Told:
    past: Past
    fingerprint: str
    template: str
    anomalies: tuple[str, ...]


class History:
    """Alerts and verdicts, as they stand on their topics; both may come in any order, and again."""

    def __init__(self) -> None:
        self._told: dict[str, _Told] = {}
        self._kinds: dict[str, Known] = {}
        self._verdicts: dict[str, Verdict] = {}

    def take(self, alert: Alert) -> None:
        """Remember `alert`, instead of what was known of it."""
        known = self._kinds.pop(alert.fingerprint, None) or Known(alert.first_seen, alert.last_seen, 0)
        first, last = min(known.first_seen, alert.first_seen), max(known.last_seen, alert.last_seen)
        before = self._told.pop(alert.id, None)
        self._kinds[alert.fingerprint] = Known(first, last, known.alerts + (before is None))
        past = Past(
            alert=alert.id,
            title=alert.title[:NOTE],
            status=alert.status,
            severity=alert.severity,
            first_seen=alert.first_seen,
            last_seen=alert.last_seen,
            count=alert.count,
            same=True,
        )
        [template] = labels_of(alert)["template"]
        self._told[alert.id] = _Told(past, alert.fingerprint, "" if alert.members else template, alert.anomaly_ids)
        _shorten(self._told, ALERTS)
        _shorten(self._kinds, KINDS)

    def judge(self, verdict: Verdict) -> None:
        """Remember `verdict`, or forget the one that it takes back."""
        self._verdicts.pop(verdict.anomaly, None)
        if not verdict.withdrawn:
            self._verdicts[verdict.anomaly] = verdict
        _shorten(self._verdicts, VERDICTS)

    def known(self, alert: Alert) -> Known:
        """Return how long the fingerprint of `alert` is known, with `alert` itself."""
        known = self._kinds.get(alert.fingerprint)
        if known is None:
            return Known(alert.first_seen, alert.last_seen, 1)
        first, last = min(known.first_seen, alert.first_seen), max(known.last_seen, alert.last_seen)
        return Known(first, last, known.alerts + (alert.id not in self._told))

    def past(self, alert: Alert) -> tuple[Past, ...]:
        """Return at most SHOWN earlier alerts like `alert`: of its fingerprint, then of its template elsewhere."""
        [template] = labels_of(alert)["template"]
        earlier = [told for told in reversed(self._told.values()) if told.past.alert != alert.id]
        same = [told for told in earlier if told.fingerprint == alert.fingerprint]
        alike = [
            told
            for told in earlier
            if not alert.members and template and told.template == template and told.fingerprint != alert.fingerprint
        ]
        return tuple(self._judged(told, alert.fingerprint) for told in (same + alike)[:SHOWN])

    def _judged(self, told: _Told, fingerprint: str) -> Past:
        found = next((self._verdicts[name] for name in told.anomalies if name in self._verdicts), None)
        past = told.past
        return Past(
            alert=past.alert,
            title=past.title,
            status=past.status,
            severity=past.severity,
            first_seen=past.first_seen,
            last_seen=past.last_seen,
            count=past.count,
            same=told.fingerprint == fingerprint,
            judgement=found.judgement if found else None,
            by=found.by[:NOTE] if found else "",
            note=found.note[:NOTE] if found else "",
        )


def _shorten(known: dict[str, object] | dict[str, _Told] | dict[str, Known] | dict[str, Verdict], most: int) -> None:
    while len(known) > most:
        del known[next(iter(known))]
