"""Grants, datasets and jobs, as they are sent and answered."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from api.dependencies import ID
from api.schemas.common import Given, Kept, Line, Moment, Name, Note, Shown, Title
from deepsentry.events import JobKind, JobState

TOPIC = r"^[A-Za-z0-9._-]{1,249}$"
Topic = Annotated[str, Field(pattern=TOPIC, examples=["deepsentry.logs.clean.v1"])]
Budget = Annotated[float, Field(gt=0, le=1_000_000, description="False alarms a day, at most.", examples=[10.0])]
Pattern = Annotated[
    str,
    Field(
        max_length=500,
        description="RE2; its first group, or the whole match, is the id of a session. Empty: it is learned.",
        examples=["request ([0-9]+)"],
    ),
]
Days = Annotated[int, Field(ge=1, le=400, description="How long what was found is kept.", examples=[30])]
Text = Annotated[Line, Field(max_length=200, examples=["checkout"])]


class NewTopicGrant(Given):
    """A topic that a project may name."""

    kind: Literal["topic"]
    name: Topic


class NewModelGrant(Given):
    """A model that a project may name."""

    kind: Literal["model"]
    name: Name


NewGrant = Annotated[NewTopicGrant | NewModelGrant, Field(discriminator="kind")]


class GrantShown(Kept):
    """That a project may name a topic or a model."""

    kind: Literal["topic", "model"]
    name: str
    created_at: datetime
    created_by: str


class NewDataset(Given):
    """Lines of a topic, how they form sequences, and what they may cost."""

    name: Name
    title: Title
    topic: Topic
    key: Pattern = ""
    budget: Budget = 10.0
    retention_days: Days = 30


class DatasetChange(Given):
    """What changes; what is not given stays."""

    title: Title | None = None
    key: Pattern | None = None
    budget: Budget | None = None
    retention_days: Days | None = None


class DatasetShown(Kept):
    """A dataset."""

    name: str
    title: str
    topic: str
    key: str
    budget: float
    retention_days: int
    created_at: datetime
    created_by: str


class NewTraining(Given):
    """A training to be asked for. Its topic, key and budget are the dataset's."""

    dataset: Annotated[str, Field(pattern=ID, examples=["4f1c2b7a9d0e4c5f8a6b3d2e1f0a9b8c"])]
    model: Name
    since: Moment | None = Field(None, description="Only what the topic got from then on; null: all that it holds.")
    budget: Budget | None = Field(None, description="In place of the dataset's.")
    seed: int = Field(0, ge=0, lt=2**31)
    epochs: int = Field(0, ge=0, le=500, description="At most; 0: as many as are usual.")
    promote: bool = Field(default=False, description="Make the version champion.")


class VersionShown(Shown):
    """Which version."""

    name: str
    version: int
    digest: str


class Person(Shown):
    """Somebody's id, and the name where it is known."""

    id: str
    name: str | None = None


class ProjectOf(Shown):
    """A project's id, and its name where it still is there."""

    id: str
    name: str | None = None


class Fact(Shown):
    """A name and a value."""

    name: str
    value: str | int | float | bool


class JobShown(Kept):
    """A job, and the last that was said of it."""

    kind: JobKind
    project: ProjectOf
    owner: Person
    dataset: str
    model: str
    created_at: datetime
    parameters: dict[str, str | int | float | bool]
    stopped: bool = Field(description="Somebody asked for its end.")
    state: JobState
    message: str = Field(examples=["epochs of the network: 4 of 30"])
    done: int
    total: int = Field(description="0: not known.")
    facts: list[Fact]
    version: VersionShown | None
    reported_at: datetime | None


class ReportShown(Shown):
    """One word on a job; numbers grow without gaps from 1."""

    number: int
    state: JobState
    at: datetime
    message: str
    done: int
    total: int


class Reports(Shown):
    """Words on a job, in their order."""

    items: list[ReportShown]


class NewReplay(Given):
    """Which rejected records are brought back; mend the cause before."""

    topic: Topic
    ids: list[Annotated[str, Field(pattern=r"^[0-9]{1,9}-[0-9]{1,18}$")]] = Field([], max_length=1000)
    reason: Annotated[str, Field(max_length=64, pattern=r"^[a-z_]*$", examples=["not_json"])] = ""
    since: Moment | None = None
    limit: int = Field(0, ge=0, le=1_000_000, description="At most so many; 0: all.")
    again: bool = Field(default=False, description="Also what was rejected again after a replay.")
    force: bool = Field(default=False, description="Also what was replayed before: it comes twice.")


class RejectedShown(Kept):
    """A record that could not be used, redacted."""

    id: str = Field(examples=["0-4711"])
    topic: str
    source: str
    elements: str
    reason: str
    stage: str
    detail: str
    created_at: datetime
    key: str
    bytes: int
    replayed_at: datetime | None
    replay_of: str


class RejectedInFull(RejectedShown):
    """The same with what may be shown of its content."""

    headers: list[Fact]
    text: str


class NewVerdict(Given):
    """What an anomaly was."""

    judgement: Literal["true", "false_alarm"]
    note: Note = ""
    alert: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{0,128}$", examples=["0c5a1f"])] = ""


class VerdictShown(Shown):
    """What somebody said of an anomaly."""

    anomaly: str
    judgement: Literal["true", "false_alarm"]
    by: str
    at: datetime
    note: str
    alert: str
    withdrawn: bool


class NewCondition(Given):
    """What a label must be; `=~` and `!~` take a pattern of RE2 that must match the whole value."""

    label: Literal["service", "severity", "host", "view", "template"]
    operator: Literal["=", "!=", "=~", "!~"] = "="
    value: Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$", examples=["checkout"])]


class NewSilence(Given):
    """What nobody is told of; what is given must hold altogether."""

    reason: Annotated[Line, Field(min_length=1, max_length=1000, examples=["load test until Friday"])]
    until: Moment
    fingerprint: Annotated[Line, Field(max_length=255, examples=["c0ffee12"])] = ""
    template: Annotated[str, Field(max_length=10_000, pattern=r"^[^\x00]*$", examples=["up <*>"])] = ""
    match: list[NewCondition] = Field([], max_length=20)


class SilenceShown(Kept):
    """An exemption of a project."""

    owner: str
    reason: str
    created_at: datetime
    until: datetime
    fingerprint: str
    template: str
    match: list[str]
    ended_by: str
