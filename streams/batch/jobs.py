"""Pure: which jobs stand, who has them, and which one may be taken.

The reports topic has one partition, so all who read it see one order: of two reports of a job with the same number the
first counts and the other never was. Whoever wants a job writes its next number and looks whether that was the first.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from deepsentry import topics, wire
from deepsentry.errors import DataError, WireError
from deepsentry.events import Job, JobKind, JobReport, JobState

ENDED: Final = frozenset[JobState]({"registered", "done", "rejected", "failed", "stopped", "lost"})
MOST_TRIES: Final = 2
"""How often a job is begun; one whose worker dies again and again may be what kills it."""
WORKER: Final = "worker"
TRY: Final = "try"
"""Facts of a report that takes a job: who took it, and for the how manieth time."""


class TrainParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a training may be told."""

    topic: Annotated[str, Meta(max_length=249)] = topics.CLEAN.name
    since: Annotated[float, Meta(ge=0)] = 0.0
    """Only what the topic got from then on, Unix seconds."""
    budget: Annotated[float, Meta(ge=0, le=1e6)] = 0.0
    """False alarms a day, at most; 0: `models.budget`."""
    key: Annotated[str, Meta(max_length=1000)] = ""
    """RE2 pattern of the session id; empty: learned from the lines."""
    seed: Annotated[int, Meta(ge=0, lt=2**31)] = 0
    epochs: Annotated[int, Meta(ge=0, le=500)] = 0
    """At most; 0: as many as are usual."""
    promote: bool = False
    """Make the version champion."""


class ReplayParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which rejected records are brought back."""

    topic: Annotated[str, Meta(min_length=1, max_length=249)]
    """Only what came from this topic."""
    ids: Annotated[str, Meta(max_length=100_000)] = ""
    """PARTITION-OFFSET of each, separated by commas; empty: by what follows."""
    reason: Annotated[str, Meta(max_length=64)] = ""
    since: Annotated[float, Meta(ge=0)] = 0.0
    limit: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    """At most so many; 0: all."""
    again: bool = False
    force: bool = False


Parameters = TrainParameters | ReplayParameters
_KINDS: Final[dict[JobKind, type[TrainParameters] | type[ReplayParameters]]] = {
    "train": TrainParameters,
    "replay": ReplayParameters,
}


def parameters_of(job: Job) -> Parameters:
    """Return what a job was told. Raises DataError, which names the parameter that is unknown or out of range."""
    kind = _KINDS.get(job.kind)
    if kind is None:
        message = f"no worker of this kind takes {job.kind!r} jobs"
        raise DataError(message)
    try:
        return wire.decode(kind, wire.encode(job.parameters))
    except WireError as error:
        known = ", ".join(each.name for each in msgspec.structs.fields(kind))
        message = f"parameters: {str(error).partition(': ')[2]}; a {job.kind} job takes {known}"
        raise DataError(message) from None


@dataclass(slots=True)
class Standing:
    """How far a job is."""

    job: Job
    number: int = 0
    """Of its last report."""
    state: JobState = "queued"
    worker: str = ""
    tries: int = 0
    heard: float = 0.0
    """When its worker was last heard of, Unix seconds of the broker's clock."""

    def free(self, now: float, lost_after: float) -> bool:
        """Tell whether nobody is at it."""
        return self.state == "queued" or now - self.heard > lost_after


@dataclass(slots=True)
class Ledger:
    """What both topics say; feed it their records in order."""

    kinds: frozenset[JobKind]
    standing: dict[str, Standing] = field(default_factory=dict)
    """Jobs that have not ended."""
    _early: dict[str, list[tuple[JobReport, float]]] = field(default_factory=dict)
    """Reports of jobs that were not read yet."""
    _ended: set[str] = field(default_factory=set)
    """Those that have, and those of other kinds."""

    def job(self, job: Job) -> None:
        """Take a job, or what replaces it."""
        if job.kind not in self.kinds:
            self._ended.add(job.id)
            self._early.pop(job.id, None)
        if job.id in self._ended:
            return
        known = self.standing.get(job.id)
        if known is not None:
            # who asked and for what does not change any more; that somebody asked for its end is never taken back
            known.job = msgspec.structs.replace(known.job, stopped=known.job.stopped or job.stopped)
            return
        self.standing[job.id] = Standing(job)
        for report, at in self._early.pop(job.id, []):
            self.report(report, at)

    def report(self, report: JobReport, at: float) -> bool:
        """Take a report, and tell whether it counts."""
        standing = self.standing.get(report.job)
        if standing is None:
            if report.job not in self._ended:
                self._early.setdefault(report.job, []).append((report, at))
            return False
        if report.number != standing.number + 1:
            return False
        standing.number, standing.state, standing.heard = report.number, report.state, at
        if WORKER in report.facts:
            standing.worker = str(report.facts[WORKER])
        if isinstance(tried := report.facts.get(TRY), int):
            standing.tries = tried
        if report.state in ENDED:
            del self.standing[report.job]
            self._ended.add(report.job)
        return True

    def free(self, now: float, lost_after: float) -> Iterator[Standing]:
        """Yield the jobs that may be taken, or ended, the oldest first."""
        waiting = (each for each in self.standing.values() if each.free(now, lost_after))
        yield from sorted(waiting, key=lambda each: (each.job.at, each.job.id))


def next_report(standing: Standing, worker: str, now: datetime) -> JobReport:
    """Return the report that takes a free job, or that ends one which is not to be taken."""
    number = standing.number + 1
    if standing.job.stopped:
        return JobReport(standing.job.id, number, "stopped", now, "stopped before anybody took it")
    if standing.tries >= MOST_TRIES:
        said = f"whoever ran it fell silent, {standing.tries} times; ask for it anew if its data is not to blame"
        return JobReport(standing.job.id, number, "lost", now, said)
    tried = standing.tries + 1
    said = "taken" if tried == 1 else "taken anew: whoever ran it fell silent"
    return JobReport(standing.job.id, number, "starting", now, said, facts={WORKER: worker, TRY: tried})


def given_back(standing: Standing, now: datetime) -> JobReport:
    """Return the report by which a worker that is told to end lets go of its job; that was no try."""
    facts: dict[str, str | int | float | bool] = {WORKER: "", TRY: standing.tries - 1}
    said = "given back: its worker was told to end"
    return JobReport(standing.job.id, standing.number + 1, "queued", now, said, facts=facts)
