"""How bad an alert is: its strangest anomaly, and what depends on the service. Pure."""

from typing import Final

from deepsentry.events import Severity
from deepsentry.handling import Tier
from streams.alerts.fingerprint import SEVERITIES, rank

MANY: Final = 100
"""Anomalies of one alert after which it is no mere warning, nor mere news, any more."""


def severity(strange: Severity, tier: Tier, count: int) -> Severity:
    """Return how bad an alert of `count` anomalies is, `strange` being the worst of them.

    A service of a high tier is one step worse, one of a low tier one step milder. Many anomalies make a step, too, but
    never `critical`: what comes often is not for that reason an outage.
    """
    step = rank(strange)
    if count >= MANY and step < rank("error"):
        step += 1
    match tier:
        case "high":
            step += 1
        case "low":
            step -= 1
        case "normal":
            pass
    return SEVERITIES[max(0, min(step, len(SEVERITIES) - 1))]
