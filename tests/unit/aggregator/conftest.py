from collections.abc import Callable
from pathlib import Path

import pytest

from aggregator import app
from aggregator.home import Enrolled, Home
from aggregator.keeping import JobFolder
from aggregator.plan import Assignment, Plan
from aggregator.versions import Versions
from tests.unit.aggregator.local_grid import LocalGrid, Numbers, Station, station

NAMES = ("berlin", "lisbon", "oslo", "paris", "rome")


class Bench:
    """Five sites, an aggregator's home, and a job over them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = Home(root / "home")
        self.home.make()
        self.stations: dict[str, Station] = {
            name: station(root / name, Numbers(0.1 * (i + 1), 100 * (i + 1))) for i, name in enumerate(NAMES)
        }
        self.members = {name: 11 + i for i, name in enumerate(NAMES)}
        for name, node in self.members.items():
            self.home.enrol(name, Enrolled(node, "", "", "2026-01-01T00:00:00+00:00"))

    def grid(self, **kwargs: object) -> LocalGrid:
        return LocalGrid({self.members[n]: s for n, s in self.stations.items()}, **kwargs)  # type: ignore[arg-type]

    def assignment(self, job: str = "job-1", **plan: object) -> Assignment:
        chosen = {"rounds": 2, "encoder_rounds": 1, "wait_s": 0.2, "round_s": 0.5, **plan}
        return Assignment(job, "detector", Plan(**chosen), self.members, str(self.home.root))  # type: ignore[arg-type]

    def conduct(self, assignment: Assignment, grid: LocalGrid | None = None) -> None:
        app.conduct(grid or self.grid(), assignment, poll_s=0.01)

    def folder(self, job: str = "job-1") -> JobFolder:
        return JobFolder(self.home.job(job))

    @property
    def versions(self) -> Versions:
        return Versions(self.home.versions)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def nodes(bench: Bench) -> Callable[[str], int]:
    return lambda name: bench.members[name]
