"""When two anomalies are the same problem, and how bad one is."""

import hashlib
from typing import Final

from deepsentry import wire
from deepsentry.events import Level, Severity, View

SEVERITIES: Final[tuple[Severity, ...]] = ("info", "warning", "error", "critical")
"""Mildest first."""
STORM: Final = "storm"
"""Of the one alert that stands for all that have none of their own."""
HIGH: Final = 2.0
"""A score of twice the threshold is one step more severe."""


def digest(*parts: str) -> str:
    """Return 16 hexadecimal digits that stand for `parts`; where one part ends and the next begins counts."""
    return hashlib.sha256(wire.encode(parts)).hexdigest()[:16]


def fingerprint(service: str, view: View, template: str) -> str:
    """Return what all anomalies of one problem share: 16 hexadecimal digits, never from score, time or host.

    `template` is that of the deviating line; where a line is missing, that of the line most expected there.
    """
    return digest(service, view, template)


def rank(severity: Severity) -> int:
    """Return 0 for info to 3 for critical."""
    return SEVERITIES.index(severity)


def severity(score: float, level: Level) -> Severity:
    """Return how bad an anomaly is, from its score (in units of the threshold) and the level of its deviating line.

    The score alone never makes it critical: what is only rare is not yet an outage.
    """
    if score <= 1:
        return "info"
    high = score >= HIGH
    match level:
        case "fatal":
            return "critical"
        case "error":
            return "critical" if high else "error"
        case "trace" | "debug":
            return "warning" if high else "info"
        case "" | "info" | "warn":
            return "error" if high else "warning"
