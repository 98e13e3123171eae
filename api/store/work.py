"""What projects work with: grants, datasets, jobs and what is said of them, silences."""

from datetime import datetime
from typing import Final, Literal

import msgspec

from api.store.collection import Store, Stored
from deepsentry.events import JobKind, JobState, ModelReference

GrantKind = Literal["topic", "model"]
Value = str | int | float | bool
ENDED: Final = ("registered", "done", "rejected", "failed", "stopped", "lost")
"""States in which a job stays."""


class Named(msgspec.Struct, frozen=True):
    """A name and a value: the names are others', and may hold what a field of a document may not."""

    name: str
    value: Value


class Grant(Stored, frozen=True, kw_only=True):
    """That a project may name a topic or a model; the id is made of both, so nothing belongs to two projects."""

    kind: GrantKind
    name: str
    project: str
    created_at: datetime
    created_by: str


class Dataset(Stored, frozen=True, kw_only=True):
    """Lines of a topic, how they form sequences, and what they may cost; `name` is unique in the project."""

    project: str
    name: str
    title: str
    topic: str
    key: str
    budget: float
    retention_days: int
    created_at: datetime
    created_by: str


class KeptJob(Stored, frozen=True, kw_only=True):
    """A job, and the last that was said of it."""

    kind: JobKind
    project: str
    dataset: str
    owner: str
    model: str
    created_at: datetime
    parameters: dict[str, Value] = msgspec.field(default_factory=dict)
    stopped: bool = False
    state: JobState = "queued"
    number: int = 0
    message: str = ""
    done: int = 0
    total: int = 0
    facts: tuple[Named, ...] = ()
    version: ModelReference | None = None
    reported_at: datetime | None = None
    words: tuple[str, ...] = ()
    expires_at: datetime


class KeptReport(Stored, frozen=True, kw_only=True):
    """One report; of two with the same number the first counts, and its id lets no second in."""

    job: str
    number: int
    state: JobState
    at: datetime
    message: str
    done: int = 0
    total: int = 0
    expires_at: datetime


class KeptSilence(Stored, frozen=True, kw_only=True):
    """An exemption that a project made; `match` holds its own conditions, the project's models not among them."""

    project: str
    owner: str
    reason: str
    created_at: datetime
    until: datetime
    fingerprint: str = ""
    template: str = ""
    match: tuple[str, ...] = ()
    ended_by: str = ""
    expires_at: datetime


class Work:
    """The collections."""

    def __init__(self, store: Store) -> None:
        self.grants = store.collection("grants", Grant)
        self.datasets = store.collection("datasets", Dataset)
        self.jobs = store.collection("jobs", KeptJob)
        self.reports = store.collection("reports", KeptReport)
        self.silences = store.collection("silences", KeptSilence)
