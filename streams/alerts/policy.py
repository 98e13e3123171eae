"""When alerts open, are told, belong together and resolve. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from deepsentry import handling
from deepsentry.events import Alert
from deepsentry.handling import Tier
from streams.alerts.routes import Matcher, labels_of, parse


@dataclass(frozen=True, slots=True)
class Policy:
    """What the settings say of the life of alerts; times in seconds."""

    quiet: float = 300.0
    """Without a new anomaly for so long, an alert resolves; doubled for each time that it came back."""
    max_hold: float = 3600.0
    """Bound of that doubling, and how long a resolved alert can still be said to have come back."""
    group_wait: float = 0.0
    """How long an alert is pending before people are told."""
    group_interval: float = 300.0
    """An incident that got further alerts is told again after so long."""
    repeat: float = 14_400.0
    """An alert that still grows is told again after so long (Alertmanager's default)."""
    incident_after: int = 3
    """Alerts of one service that make an incident; 0: none do."""
    incident_window: float = 300.0
    """How far apart these may have opened."""
    max_open: int = 100
    """Alerts open at once; anomalies of further fingerprints go to one summary alert."""
    max_a_minute: int = 30
    """The same for alerts that are opened for people within a minute."""
    tiers: Mapping[str, Tier] = field(default_factory=dict)
    runbooks: tuple[tuple[tuple[Matcher, ...], str], ...] = ()

    @classmethod
    def of(cls, settings: handling.Alerts) -> Self:
        """Raises SettingsError where a condition of a runbook is none."""
        return cls(
            quiet=settings.quiet,
            max_hold=settings.max_hold,
            group_wait=settings.group_wait,
            group_interval=settings.group_interval,
            repeat=settings.repeat,
            incident_after=settings.incident_after,
            incident_window=settings.incident_window,
            max_open=settings.max_open,
            max_a_minute=settings.max_a_minute,
            tiers=settings.tiers,
            runbooks=tuple(
                (tuple(parse(text, f"alerts.runbooks.{number}.match") for text in each.match), each.url)
                for number, each in enumerate(settings.runbooks)
            ),
        )

    def runbook(self, alert: Alert) -> str:
        """Return the address of the first runbook that matches `alert`; empty where none does."""
        labels = labels_of(alert) if self.runbooks else {}
        found = (url for matchers, url in self.runbooks if all(matcher.holds(labels) for matcher in matchers))
        return next(found, "")

    def hold(self, flaps: int) -> float:
        """Return after how much silence an alert resolves that came back so often."""
        return max(self.quiet, min(self.quiet * 2.0 ** min(flaps, 32), self.max_hold))
