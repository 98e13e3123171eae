"""What people are told, and what they are not told."""

from datetime import datetime
from typing import Literal

import msgspec

from deepsentry.events.anomalies import Anomaly, ModelReference, Severity

AlertStatus = Literal[
    "pending",  # opened, and nobody is told yet: what belongs to it may still come
    "firing",
    "resolved",  # quiet for long enough, or silenced while it fired
    "suppressed",  # silenced from its beginning: nobody is told
]
Judgement = Literal["true", "false_alarm"]
SilenceSource = Literal["person", "settings", "verdict"]


class Alert(msgspec.Struct, frozen=True):
    """Anomalies of one fingerprint, the value of `alerts`; a later one replaces an earlier of the same key.

    The key is the fingerprint, followed by `/suppressed` where it is suppressed. An incident is an alert, too: its
    fingerprint stands for its service, and `alerts` names those that belong to it.
    """

    id: str
    fingerprint: str
    status: AlertStatus
    severity: Severity
    title: str
    service: str
    hosts: tuple[str, ...]
    count: int
    """Distinct anomalies so far."""
    first_seen: datetime
    last_seen: datetime
    updated_at: datetime
    anomaly: Anomaly
    """The strangest so far."""
    anomaly_ids: tuple[str, ...]
    """The newest, at most 50."""
    opened_at: datetime | None = None
    """By the clock of the worker that opened it."""
    told_at: datetime | None = None
    """When there was last an occasion to tell people; None: there was none."""
    flaps: int = 0
    """How often in a row it came back soon after it had resolved."""
    incident: str = ""
    """Id of the incident that it belongs to, which is told instead."""
    alerts: tuple[str, ...] = ()
    """Ids of the alerts of an incident, the newest 50."""
    members: int = 0
    """How many alerts an incident has had."""
    told_members: int = 0
    """How many of them people know of."""
    silence: str = ""
    """Id of the silence that keeps it from people, or that ended it."""
    reason: str = ""
    """Why it is suppressed, or why it ended where that was not for quiet."""
    runbook: str = ""
    """Where it is written what to do."""
    offset: int = -1
    """Place in `anomalies` of the newest that it counted; what is read again from before it was counted."""
    schema_version: int = 1


class Silence(msgspec.Struct, frozen=True):
    """Alerts that nobody is told of, a value of `feedback` (key: `silence/<id>`); a later one replaces an earlier.

    What is given must hold altogether; without fingerprint, template and match it holds for every anomaly in its time.
    """

    id: str
    owner: str
    reason: str
    created_at: datetime
    until: datetime
    begin: datetime | None = None
    """None: since it was created."""
    fingerprint: str = ""
    template: str = ""
    """Template of the deviating line; where a line is missing, that of the line most expected."""
    match: tuple[str, ...] = ()
    """Conditions on the labels of an anomaly, as in `alerts.routes`."""
    source: SilenceSource = "person"
    ended_by: str = ""
    """Who let it expire before its time."""


class Receipt(msgspec.Struct, frozen=True):
    """A target accepted an alert and can change what it shows, the value of `receipts` (key: `target/alert`)."""

    target: str
    alert: str
    """Id of the alert."""
    reference: str
    """What the target calls it: for Slack `channel/ts`."""
    at: datetime


class Verdict(msgspec.Struct, frozen=True):
    """What a person said of an anomaly, a value of `feedback` (key: `verdict/<anomaly>`); the newest counts."""

    anomaly: str
    judgement: Judgement
    by: str
    """Who said it: a name, a user's id, or the target whose link was followed."""
    at: datetime
    fingerprint: str
    note: str = ""
    alert: str = ""
    model: ModelReference | None = None
    judged: Anomaly | None = None
    """What was judged, without its lines; None where it was withdrawn, or not to be found any more."""
    withdrawn: bool = False
    """It was taken back; whatever followed from it is undone."""
    withdrawn_by: str = ""
    """Who took it back."""
