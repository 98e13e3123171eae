"""The aggregator's loop: what it takes, in which order, what it counts, and what comes after a repeated job."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from aggregator.driver import reports
from aggregator.flower import Bundle, RunState
from aggregator.home import Enrolled, Home
from aggregator.keeping import JobFolder
from aggregator.plan import every
from aggregator.serving import Alone, Serving
from deepsentry.errors import FederationError
from deepsentry.events.work import Job, JobReport
from deepsentry.metrics import FederationMetrics

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Link:
    def __init__(self) -> None:
        self.runs = 0
        self.away = False

    def start(self, _bundle: Bundle, _config: dict[str, str]) -> int:
        self.runs += 1
        return self.runs

    def state(self, _run: int) -> RunState:
        return RunState("running", "", "")

    def stop(self, _run: int) -> bool:
        return True

    def nodes(self) -> dict[int, str]:
        if self.away:
            message = "no answer"
            raise FederationError(message)
        return {5: "online", 6: "offline", 99: "online"}


class Plane(Alone):
    """A control plane that asks for these jobs."""

    def __init__(self, *jobs: Job) -> None:
        self.jobs = list(jobs)
        self.heard: list[JobReport] = []

    def poll(self) -> Iterable[Job]:
        asked, self.jobs = self.jobs, []
        return asked

    def publish(self, report: JobReport) -> None:
        self.heard.append(report)


class Bed:
    def __init__(self, root: Path, *jobs: Job) -> None:
        self.home = Home(root)
        self.home.make()
        for node, name in ((5, "berlin"), (6, "oslo")):
            self.home.enrol(name, Enrolled(node, "", "", ""))
        self.link: Any = Link()
        self.plane = Plane(*jobs)
        self.metrics = FederationMetrics(CollectorRegistry())
        self.at = NOW
        self.loop = self.make()

    def make(self) -> Serving:
        return Serving(self.home, self.link, [], self.plane, self.metrics, lambda: self.at)

    def end(self, job: str, state: Any = "registered") -> None:
        JobFolder(self.home.job(job)).tell(state, "so")

    def steps(self, count: int = 4) -> None:
        for _ in range(count):
            self.loop.step()

    def gauge(self, name: str) -> float | None:
        return self.metrics.registry.get_sample_value(name)


def job(name: str, *, stopped: bool = False, at: datetime = NOW, **parameters: str | float | bool) -> Job:
    return Job(name, "federate", "", "", "user-7", "detector", at, dict(parameters), stopped)


def test_jobs_of_the_control_plane_run_one_after_the_other_and_it_hears_of_each(tmp_path: Path) -> None:
    bed = Bed(tmp_path, job("a"), job("b", at=NOW + timedelta(seconds=1)))
    bed.at = NOW + timedelta(seconds=2)
    bed.steps()
    assert [(r.job, r.state) for r in bed.plane.heard] == [("a", "starting")]
    bed.end("a")
    bed.steps()
    assert [(r.job, r.state) for r in bed.plane.heard] == [("a", "starting"), ("a", "registered"), ("b", "starting")]
    assert bed.gauge("deepsentry_federation_jobs_total") is None
    assert bed.metrics.registry.get_sample_value("deepsentry_federation_jobs_total", {"state": "registered"}) == 1


def test_the_same_job_heard_twice_runs_once_and_a_stop_reaches_it(tmp_path: Path) -> None:
    bed = Bed(tmp_path, job("a"))
    bed.steps()
    bed.plane.jobs = [job("a")]
    bed.steps()
    bed.plane.jobs = [job("a", stopped=True)]
    bed.steps()
    assert [r.state for r in bed.plane.heard] == ["starting", "stopped"]
    assert bed.link.runs == 1


def test_a_job_with_an_id_that_is_a_path_touches_nothing(tmp_path: Path) -> None:
    bed = Bed(tmp_path / "home", job("../../evil"))
    bed.steps()
    assert bed.plane.heard == []
    assert {p.name for p in tmp_path.iterdir()} == {"home"}


def test_what_a_restart_interrupted_goes_first(tmp_path: Path) -> None:
    bed = Bed(tmp_path, job("a"), job("b"))
    bed.steps()
    bed.loop = bed.make()
    bed.steps()
    bed.end("a")
    bed.steps()
    assert [(r.job, r.state) for r in bed.plane.heard] == [("a", "starting"), ("a", "registered"), ("b", "starting")]
    assert bed.link.runs == 2


def test_a_repeated_job_is_queued_anew_for_later(tmp_path: Path) -> None:
    bed = Bed(tmp_path, job("nightly", every="12h"))
    bed.steps()
    bed.end("nightly")
    bed.steps()
    [following] = bed.home.queued()
    assert (following.id, following.at) == ("nightly--2", NOW + timedelta(hours=12))
    bed.steps()
    assert bed.link.runs == 1
    bed.at = NOW + timedelta(hours=13)
    bed.steps()
    assert bed.link.runs == 2
    bed.end("nightly--2")
    bed.steps()
    assert [j.id for j in bed.home.queued()] == ["nightly--3"]


def test_a_repeated_job_that_was_stopped_or_cannot_be_ends(tmp_path: Path) -> None:
    bed = Bed(tmp_path, job("a", every="12h"), job("b", every="sometimes"))
    bed.steps()
    bed.end("a", "stopped")
    bed.steps(8)
    assert bed.home.queued() == []
    assert reports(bed.home.job("b"))[-1].state == "failed"


def test_sites_are_counted_as_enrolled_and_as_connected(tmp_path: Path) -> None:
    bed = Bed(tmp_path)
    bed.loop.step()
    assert bed.gauge("deepsentry_federation_sites_enrolled") == 2
    assert bed.gauge("deepsentry_federation_sites_connected") == 1
    bed.link.away = True
    bed.at += timedelta(seconds=10)
    bed.loop.step()
    assert bed.gauge("deepsentry_federation_sites_connected") == 0


@pytest.mark.parametrize(("text", "seconds"), [("", 0), ("30m", 1800), ("12h", 43_200), ("7d", 604_800)])
def test_how_often(text: str, seconds: int) -> None:
    assert every(text) == seconds
