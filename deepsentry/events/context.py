"""What stood around an alert, for whoever has to act on it."""

from datetime import datetime

import msgspec

from deepsentry.events.alerts import AlertStatus, Judgement
from deepsentry.events.anomalies import Severity
from deepsentry.events.lines import Level


class Surrounding(msgspec.Struct, frozen=True, omit_defaults=True):
    """A redacted line of the minutes before, of the same service or host."""

    timestamp: float
    message: str
    host: str = ""
    service: str = ""
    level: Level = ""


class Past(msgspec.Struct, frozen=True):
    """An earlier alert of the same kind, and what was said of it."""

    alert: str
    title: str
    status: AlertStatus
    severity: Severity
    first_seen: datetime
    last_seen: datetime
    count: int
    same: bool
    """It has the same fingerprint; else the same template, elsewhere."""
    judgement: Judgement | None = None
    by: str = ""
    note: str = ""


class Context(msgspec.Struct, frozen=True):
    """The minutes before an alert's strangest line, and what is known of its kind; at most some 16 KiB."""

    since: datetime
    until: datetime
    """The moment of the line."""
    lines: tuple[Surrounding, ...]
    """The newest before it, oldest first."""
    found: int
    """How many there were, as far as was looked."""
    whole: bool
    """False where there was more than is looked at."""
    histogram: tuple[int, ...]
    """Lines with the template of the deviating one, in equal parts of the time; empty where a line is missing."""
    first_seen: datetime
    last_seen: datetime
    """Of this fingerprint, as far as the alert topic goes back."""
    alerts: int
    """How many alerts it has had, this one too."""
    past: tuple[Past, ...]
    """Earlier ones, of the same fingerprint first, the newest first."""
