"""What follows at once from what people said of alerts: others of the kind of a false alarm are kept from people. Pure.

Everything follows from the verdicts that stand, in whatever order they came, so one that is withdrawn leaves no trace.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from deepsentry.events import Alert, Anomaly, Silence, Verdict, View
from streams.alerts.likeness import NEAR, Likeness

MOST: Final = 10_000
"""Verdicts that are honoured, the newest."""

Key = tuple[str, str, frozenset[View]]


def until(verdict: Verdict, days: float) -> datetime:
    """Return when a false alarm stops keeping others of its kind from people."""
    return verdict.at + timedelta(days=days)


def silence_of(verdict: Verdict, days: float) -> Silence:
    """Return what a false alarm amounts to, as the silence that suppressed alerts name."""
    return Silence(
        id=f"verdict-{verdict.anomaly}",
        owner=verdict.by,
        reason=f"like what {verdict.by} called a false alarm" + (f": {verdict.note}" if verdict.note else ""),
        created_at=verdict.at,
        until=until(verdict, days),
        fingerprint=verdict.fingerprint,
        source="verdict",
    )


class Judged:
    """The verdicts that stand, ready to be held against alerts."""

    def __init__(self, verdicts: Iterable[Verdict], days: float, near: float = NEAR) -> None:
        """`days` is how long a false alarm counts; a true one counts for as long as it stands."""
        standing = sorted((v for v in verdicts if not v.withdrawn), key=lambda v: (v.at, v.anomaly))[-MOST:]
        self._days = days
        self._near = near
        self._alerts = {v.alert: v for v in standing if v.alert and v.judgement == "false_alarm"}
        self._kinds: dict[Key, list[tuple[Likeness, Verdict]]] = defaultdict(list)
        for verdict in standing:
            if verdict.judged is not None and (likeness := Likeness.of(verdict.judged)) is not None:
                self._kinds[_key(verdict.judged)].append((likeness, verdict))

    def __len__(self) -> int:
        return len(self._alerts) + sum(map(len, self._kinds.values()))

    def silence_on(self, alert: Alert, now: datetime) -> Silence | None:
        """Return why nobody is to be told of `alert`: it was judged itself, or its one anomaly is like one that was.

        An anomaly that is like a false alarm and like a true one is told.
        """
        judged = self._alerts.get(alert.id)
        if judged is not None and now < until(judged, self._days):
            return silence_of(judged, self._days)
        if alert.members or alert.count > 1:
            return None  # of several anomalies, only the strangest is known
        kinds = self._kinds.get(_key(alert.anomaly))
        mine = Likeness.of(alert.anomaly) if kinds else None
        alike = [verdict for other, verdict in kinds or () if mine and other.is_like(mine, self._near)]
        if any(verdict.judgement == "true" for verdict in alike):
            return None
        found = [verdict for verdict in alike if now < until(verdict, self._days)]
        return silence_of(found[-1], self._days) if found else None


def _key(anomaly: Anomaly) -> Key:
    """Return what is cheap to compare: in a storm, most anomalies are like none that was judged."""
    explanation = anomaly.explanation
    return anomaly.service, explanation.template, frozenset(v.view for v in explanation.views if v.score > 1)
