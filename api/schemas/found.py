"""Models, anomalies, alerts and the pipeline, as they are answered."""

from datetime import date, datetime
from typing import Any

from pydantic import Field

from api.schemas.common import Given, Kept, Shown
from api.schemas.work import Budget, VersionShown
from deepsentry.events import AlertStatus, Judgement, Severity, View


class ModelShown(Shown):
    """A model of a project."""

    name: str
    champion: VersionShown | None
    challenger: VersionShown | None


class Models(Shown):
    """The models of a project."""

    items: list[ModelShown]


class VersionInFull(Shown):
    """A version: where it comes from, and what was measured when it was made."""

    version: int
    digest: str
    aliases: list[str]
    refused: str = Field(description="Why it cannot be used; empty where it can.")
    created_at: str = ""
    data_start: str = ""
    data_end: str = ""
    budget: float | None = None
    key_pattern: str = ""
    seed: int | None = None
    counts: dict[str, int] = Field({})
    metrics: dict[str, float] = Field({})
    origin: dict[str, str] = Field({})
    notes: list[str] = Field([])


class Promote(Given):
    """Which version becomes champion."""

    version: int = Field(ge=1, lt=10**9, examples=[2])
    instead_of: int | None = Field(
        None, ge=0, lt=10**9, description="Only if this one is champion now; 0: only if none is.", examples=[1]
    )


class Challenge(Given):
    """Which version scores beside the champion."""

    version: int = Field(ge=1, lt=10**9, examples=[2])


class Moved(Shown):
    """Where an alias points now."""

    version: VersionShown
    announced: bool = Field(description="False: the broker is away; workers look for themselves every two seconds.")


class DisagreementShown(Shown):
    """A sequence that only one of the two holds for an anomaly."""

    sequence: str
    start: str
    length: int
    at: datetime
    champion: float
    challenger: float
    view: View
    summary: str


class ShadowShown(Shown):
    """A challenger beside its champion, on what was judged since it scores."""

    champion: int
    challenger: int
    since: datetime | None
    until: datetime | None
    judgements: int
    mean_difference: float = Field(description="Challenger less champion, in units of the threshold.")
    deviation: float = Field(description="Standard deviation of that difference.")
    correlation: float | None = Field(description="Pearson's; null where one of the two never changes.")
    both: int
    champion_only: int
    challenger_only: int
    skipped: int = Field(description="Judgements that were not compared for want of time.")
    disagreements: list[DisagreementShown]
    failures: list[str]
    workers: int = Field(description="That have the challenger loaded.")


class PreviewShown(Shown):
    """What a budget would have meant on a day. Sequences, not alerts: how they group is not known beforehand."""

    day: date
    budget: Budget
    version: int
    score: float | None = Field(description="The threshold for it; 1 is the present one. Null: under a day of scores.")
    sequences: int | None = Field(description="Ended sequences of the day that would have been told of.")
    present_sequences: int
    ended: int
    hours: int


class AnomalyShown(Kept):
    """An anomaly in a list."""

    model: str
    version: int
    fingerprint: str
    view: View
    score: float
    severity: Severity
    service: str
    host: str
    sequence: str
    summary: str
    template: str
    observed_at: datetime
    detected_at: datetime = Field(validation_alias="created_at")
    judgement: Judgement | None


class AnomalyInFull(AnomalyShown):
    """The same with context and explanation."""

    event: dict[str, Any] = Field(description="The event as it stands on the topic: lines, explanation, positions.")


class AlertShown(Kept):
    """An alert in a list."""

    model: str
    fingerprint: str
    status: AlertStatus
    severity: Severity
    title: str
    service: str
    count: int
    first_seen: datetime
    last_seen: datetime
    updated_at: datetime


class AlertInFull(AlertShown):
    """The same with its strangest anomaly."""

    event: dict[str, Any] = Field(description="The event as it stands on the topic.")


class LagShown(Shown):
    """Records of a partition not yet handled."""

    topic: str
    partition: int
    records: int


class WorkerShown(Shown):
    """A worker, as it was within the last minute."""

    worker: str
    stage: str
    at: datetime
    started_at: datetime
    ready: bool
    reasons: list[str]
    version: VersionShown | None
    challenger: VersionShown | None
    records_per_s: float
    committed_at: datetime | None
    commit_age_s: float | None
    lag: list[LagShown]


class PipelineShown(Shown):
    """How the stream is, for a project."""

    workers: list[WorkerShown]
    lag: dict[str, int] = Field(description="Stage -> records of the project's topics not yet handled.")
    records_per_s: dict[str, float]
