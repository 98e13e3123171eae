"""One job from the queue to its end: start a run, tell what its folder tells, start another after a crash."""

import contextlib
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol, get_args

import msgspec

from aggregator.app import CONFIG, bundle
from aggregator.durable import write
from aggregator.flower import Bundle, RunState
from aggregator.home import Home
from aggregator.keeping import STOP, JobFolder, Progress
from aggregator.plan import Assignment, Plan, names_of, parse, quorum_of, to_text
from deepsentry import wire
from deepsentry.errors import FederationError, WireError
from deepsentry.events import ModelReference
from deepsentry.events.work import Job, JobReport, JobState

ENDED: Final = frozenset({"registered", "rejected", "failed", "stopped", "lost"})
assert set(get_args(JobState)) > ENDED  # noqa: S101 - a state of another name would never end a job
MOST_RUNS: Final = 4
"""Runs of one job: the first, and those that go on after a crash."""
LOST_S: Final = 180.0
"""Seconds without an answer of the SuperLink after which a job counts as lost."""
JOB: Final = "job.json"
REPORTS: Final = "reports.jsonl"
DRIVER: Final = "driver.json"


class Runs(Protocol):
    """Starts runs and says how far they are: `flower.Control`."""

    def start(self, bundle: Bundle, config: dict[str, str]) -> int:
        """Start a run."""

    def state(self, run: int) -> RunState:
        """Return how far a run is."""

    def stop(self, run: int) -> bool:
        """Stop a run."""


class _Driven(msgspec.Struct, frozen=True):
    """driver.json: where the driver was, for when it is started again."""

    run: int = 0
    runs: int = 0
    lines: int = 0


class Driver:
    """Drives one job; call `step` now and then until it returns True."""

    def __init__(
        self,
        job: Job,
        home: Home,
        runs: Runs,
        publish: Callable[[JobReport], None],
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.job = job
        self._home = home
        self._runs = runs
        self._publish = publish
        self._clock = clock
        self._now = now
        self._folder = JobFolder(home.job(job.id))
        if not (self._folder.path / JOB).exists():
            write(self._folder.path / JOB, wire.encode(job))
        self._driven = self._read()
        self._number = sum(1 for _ in reports(self._folder.path))
        self._heard = clock()

    def step(self) -> bool:
        """Do what is next; return whether the job has ended."""
        if self._folder.stopped or self.job.stopped:
            return self._stop()
        try:
            if not self._driven.run:
                return self._begin()
            state = self._runs.state(self._driven.run)
            self._heard = self._clock()
        except FederationError as error:
            if self._clock() - self._heard < LOST_S:
                return False
            return self._report("lost", f"the SuperLink has not answered for {LOST_S:.0f} s: {error}")
        ended = self._tell()
        if ended or state.status != "finished":
            return ended
        return self._tell() or self._again(state)  # the last lines may have come in between

    def _begin(self) -> bool:
        try:
            plan = parse(self.job.parameters)
            members = members_of(plan, self._home)
        except FederationError as error:
            return self._report("failed", str(error))
        assignment = Assignment(self.job.id, self.job.model, plan, members, str(self._home.root.absolute()))
        run = self._runs.start(bundle(), {CONFIG: to_text(assignment)})
        self._write(_Driven(run, self._driven.runs + 1, self._driven.lines))
        facts: dict[str, str | int | float | bool] = {"run": str(run), "sites": len(members)}
        which = (
            "started" if self._driven.runs == 1 else f"started again ({self._driven.runs - 1}), behind the last round"
        )
        return self._report("starting", f"{which}, over {len(members)} sites", facts=facts)

    def _again(self, state: RunState) -> bool:
        """A run ended and told no end: its process or the SuperLink died."""
        if state.outcome == "stopped":
            return self._report("stopped", "the run was stopped at the SuperLink")
        if self._driven.runs >= MOST_RUNS:
            return self._report("failed", f"{MOST_RUNS} runs ended without a result; {state.details[:200]}")
        self._write(_Driven(0, self._driven.runs, self._driven.lines))
        return False

    def _stop(self) -> bool:
        if self._driven.run:
            with contextlib.suppress(FederationError):  # over, or the SuperLink is away
                self._runs.stop(self._driven.run)
        return self._report("stopped", "somebody asked for its end")

    def _tell(self) -> bool:
        """Report new lines of the job's folder; return whether one of them ends it."""
        for line in self._folder.told(self._driven.lines):
            self._write(_Driven(self._driven.run, self._driven.runs, self._driven.lines + 1))
            if self._progress(line):
                return True
        return False

    def _progress(self, line: Progress) -> bool:
        return self._report(line.state, line.message, line.done, line.total, line.facts, line.version)

    def _report(
        self,
        state: JobState,
        message: str,
        done: int = 0,
        total: int = 0,
        facts: dict[str, str | int | float | bool] | None = None,
        version: ModelReference | None = None,
    ) -> bool:
        self._number += 1
        report = JobReport(self.job.id, self._number, state, self._now(), message, done, total, facts or {}, version)
        with (self._folder.path / REPORTS).open("ab") as file:
            file.write(wire.encode(report) + b"\n")
        self._publish(report)
        return state in ENDED

    def _read(self) -> _Driven:
        try:
            return wire.decode(_Driven, (self._folder.path / DRIVER).read_bytes())
        except (OSError, WireError):
            return _Driven()

    def _write(self, driven: _Driven) -> None:
        self._driven = driven
        write(self._folder.path / DRIVER, wire.encode(driven))


def members_of(plan: Plan, home: Home) -> dict[str, int]:
    """Return the sites of a job with their nodes. Raises FederationError where one is not enrolled, or they are few."""
    enrolled = home.sites()
    names = names_of(plan) or tuple(enrolled)
    if unknown := sorted(set(names) - set(enrolled)):
        message = f"{unknown[0]} is not enrolled; there are {', '.join(sorted(enrolled)) or 'no sites'}"
        raise FederationError(message)
    if plan.secure and (keyless := sorted(name for name in names if not enrolled[name].signing_key)):
        message = f"{keyless[0]} has no signing key, which secure aggregation needs"
        raise FederationError(message)
    need = quorum_of(plan, len(names))
    if len(names) < need:
        message = f"{len(names)} sites are enrolled for this job, {need} must take part"
        raise FederationError(message)
    return {name: enrolled[name].node for name in sorted(names)}


def reports(folder: Path) -> list[JobReport]:
    """Return what was told of a job so far."""
    try:
        data = (folder / REPORTS).read_bytes()
    except FileNotFoundError:
        return []
    return [wire.decode(JobReport, line) for line in data.split(b"\n")[:-1]]


def unfinished(home: Home) -> list[Job]:
    """Return the jobs that were driven and have not ended, the oldest first."""
    found = []
    for path in home.jobs.glob(f"*/{JOB}"):
        told = reports(path.parent)
        if not told or told[-1].state not in ENDED:
            found.append(wire.decode(Job, path.read_bytes()))
    return sorted(found, key=lambda job: job.at)


def ask_to_stop(home: Home, job: str) -> None:
    """Ask for the end of a job, queued or running. Raises FederationError where there is none."""
    queued = home.queue / f"{job}.json"
    folder = home.job(job)
    if not folder.exists() and not queued.exists():
        message = f"there is no job {job}"
        raise FederationError(message)
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / STOP, b"")
