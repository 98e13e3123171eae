"""What the control plane asks of the workers, and what they tell of themselves."""

from datetime import datetime
from typing import Literal

import msgspec

from deepsentry.events.anomalies import ModelReference

JobKind = Literal["train", "federate", "replay"]
JobState = Literal[
    "queued",
    "starting",
    "waiting_sites",  # federate only: until enough sites are connected
    "running",
    "aggregated",  # federate only: the last round is over
    "validating",
    "registered",  # ended: a version stands in the registry
    "done",  # ended: replay only
    "rejected",  # ended: the version did not pass its gate
    "failed",
    "stopped",
    "lost",  # whoever ran it has not been heard of for too long
]


class Job(msgspec.Struct, frozen=True):
    """Work that somebody asked for, the value of `jobs` (key: id); a later one replaces an earlier."""

    id: str
    kind: JobKind
    project: str
    dataset: str
    owner: str
    """Id of the user, or of the key, that asked for it."""
    model: str
    """Name in the registry under which the version is saved."""
    at: datetime
    parameters: dict[str, str | int | float | bool] = {}
    """What its kind takes; a worker refuses names that it does not know."""
    stopped: bool = False
    """Somebody asked for its end."""


class JobReport(msgspec.Struct, frozen=True):
    """How far a job is, the value of `jobs.reports` (key: `job/number`); numbers grow without gaps from 1."""

    job: str
    number: int
    state: JobState
    at: datetime
    message: str = ""
    """One sentence for a person; it quotes no line of a log."""
    done: int = 0
    total: int = 0
    """In the unit that the message names; 0: unknown."""
    facts: dict[str, str | int | float | bool] = {}
    """Metrics of the state: lines, sequences, loss, round, sites."""
    version: ModelReference | None = None


class WorkerStatus(msgspec.Struct, frozen=True):
    """What a worker is doing, the value of `workers` (key: worker); one that is silent for a minute is gone."""

    worker: str
    stage: str
    host: str
    pid: int
    at: datetime
    started_at: datetime
    ready: bool
    reasons: tuple[str, ...] = ()
    """Why it is not ready."""
    version: ModelReference | None = None
    challenger: ModelReference | None = None
    lag: dict[str, int] = {}
    """`topic/partition` -> records not yet handled."""
    lines_per_s: float = 0.0
    committed_at: datetime | None = None
