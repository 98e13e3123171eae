"""A job from the queue to its end, with a SuperLink that does what the test says."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aggregator.driver import JOB, MOST_RUNS, Driver, ask_to_stop, members_of, reports, unfinished
from aggregator.flower import Bundle, RunState
from aggregator.home import Enrolled, Home
from aggregator.keeping import JobFolder
from aggregator.plan import Assignment, from_text, parse
from deepsentry.errors import FederationError
from deepsentry.events.work import Job, JobReport

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RUNNING = RunState("running", "", "")
DIED = RunState("finished", "failed", "No heartbeat received")


class Link:
    """A SuperLink by script."""

    def __init__(self) -> None:
        self.started: list[Assignment] = []
        self.stopped: list[int] = []
        self.now = RUNNING
        self.away = False

    def start(self, _bundle: Bundle, config: dict[str, str]) -> int:
        self._check()
        self.started.append(from_text(config["assignment"]))
        return len(self.started)

    def state(self, _run: int) -> RunState:
        self._check()
        return self.now

    def stop(self, run: int) -> bool:
        self._check()
        self.stopped.append(run)
        return True

    def _check(self) -> None:
        if self.away:
            message = "did not answer"
            raise FederationError(message)


class Clock:
    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.make()
    for node, name in enumerate(("berlin", "oslo", "rome"), 5):
        home.enrol(name, Enrolled(node, "", "", ""))
    return home


def job(name: str = "j1", **parameters: str | float | bool) -> Job:
    return Job(name, "federate", "", "", "test", "detector", NOW, dict(parameters))


class Bed:
    def __init__(self, home: Home, asked: Job) -> None:
        self.home, self.link, self.clock = home, Link(), Clock()
        self.heard: list[JobReport] = []
        self.folder = JobFolder(home.job(asked.id))
        self.driver = self.make(asked)

    def make(self, asked: Job) -> Driver:
        return Driver(asked, self.home, self.link, self.heard.append, self.clock, lambda: NOW)

    @property
    def states(self) -> list[str]:
        return [report.state for report in self.heard]


def test_a_job_is_started_once_and_ends_with_what_its_folder_tells(home: Home) -> None:
    bed = Bed(home, job(rounds=3))
    assert bed.driver.step() is False
    bed.folder.tell("running", "round 1 of 3 is over", 1, 3)
    assert bed.driver.step() is False
    bed.folder.tell("registered", "done")
    assert bed.driver.step() is True
    assert bed.states == ["starting", "running", "registered"]
    assert [report.number for report in bed.heard] == [1, 2, 3]
    [assignment] = bed.link.started
    assert assignment.members == {"berlin": 5, "oslo": 6, "rome": 7}
    assert assignment.plan.rounds == 3
    assert reports(bed.folder.path) == bed.heard


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"round": 3}, "'round' is no parameter of a federation"),
        ({"rounds": 0}, "rounds is 0; it must be 1 to 200"),
        ({"rounds": "many"}, "parameters of the federation: Expected `int`"),
        ({"strategy": "sum"}, "Invalid enum value 'sum'"),
        ({"strategy": "krum", "secure": True}, "strategy krum looks at each site's weights"),
        ({"sites": "berlin,paris"}, "paris is not enrolled; there are berlin, oslo, rome"),
        ({"sites": "berlin"}, "1 sites are enrolled for this job, 2 must take part"),
        ({"secure": True}, "berlin has no signing key"),
        ({"every": "daily"}, "write 30m, 12h or 7d"),
        ({"rate": float("nan")}, "rate is nan"),
    ],
)
def test_a_job_that_cannot_be_says_why_and_starts_nothing(
    home: Home, parameters: dict[str, str | float | bool], said: str
) -> None:
    bed = Bed(home, job(**parameters))
    assert bed.driver.step() is True
    assert bed.states == ["failed"]
    assert said in bed.heard[0].message
    assert not bed.link.started


def test_a_run_that_died_is_followed_by_another_until_there_were_enough(home: Home) -> None:
    bed = Bed(home, job())
    bed.driver.step()
    bed.link.now = DIED
    for _ in range(2 * MOST_RUNS):
        if bed.driver.step():
            break
    assert len(bed.link.started) == MOST_RUNS
    assert bed.states == [*["starting"] * MOST_RUNS, "failed"]
    assert "started again (1), behind the last round" in bed.heard[1].message


def test_a_job_that_failed_of_itself_is_not_started_again(home: Home) -> None:
    bed = Bed(home, job())
    bed.driver.step()
    bed.folder.tell("failed", "2 of 3 sites answered well, 3 are needed")
    bed.link.now = DIED
    assert bed.driver.step() is True
    assert bed.states == ["starting", "failed"]


def test_a_driver_that_is_started_again_goes_on_with_the_same_run(home: Home) -> None:
    bed = Bed(home, job())
    bed.driver.step()
    bed.folder.tell("running", "round 1 of 17 is over", 1, 17)
    bed.driver.step()
    assert [j.id for j in unfinished(home)] == ["j1"]
    again = bed.make(unfinished(home)[0])
    bed.folder.tell("rejected", "the worst site is below its floor")
    assert again.step() is True
    assert len(bed.link.started) == 1
    assert [(r.number, r.state) for r in bed.heard] == [(1, "starting"), (2, "running"), (3, "rejected")]
    assert unfinished(home) == []


def test_a_superlink_that_is_away_is_waited_for_and_then_the_job_is_lost(home: Home) -> None:
    bed = Bed(home, job())
    bed.driver.step()
    bed.link.away = True
    bed.clock.at = 170.0
    assert bed.driver.step() is False
    bed.link.away = False
    assert bed.driver.step() is False
    bed.link.away = True
    bed.clock.at = 400.0
    assert bed.driver.step() is True
    assert bed.states == ["starting", "lost"]


def test_a_stop_reaches_the_run(home: Home) -> None:
    bed = Bed(home, job())
    bed.driver.step()
    ask_to_stop(home, "j1")
    assert bed.driver.step() is True
    assert bed.link.stopped == [1]
    assert bed.states == ["starting", "stopped"]


def test_a_job_that_was_never_asked_for_cannot_be_stopped(home: Home) -> None:
    with pytest.raises(FederationError, match="there is no job j9"):
        ask_to_stop(home, "j9")


def test_an_id_that_is_a_path_is_none(home: Home) -> None:
    with pytest.raises(FederationError, match="is no id of a job"):
        home.put(job("../evil"))


def test_the_queue_gives_the_oldest_first_and_takes_an_id_once(home: Home) -> None:
    first = job("a")
    home.put(Job("b", "federate", "", "", "t", "detector", NOW - timedelta(hours=1)))
    home.put(first)
    assert [j.id for j in home.queued()] == ["b", "a"]
    with pytest.raises(FederationError, match="there is a job a already"):
        home.put(first)
    home.taken(first)
    assert [j.id for j in home.queued()] == ["b"]


def test_a_site_is_enrolled_once_and_its_revocation_takes_it_off_the_roster(home: Home) -> None:
    from aggregator.secagg import create_signing_key, public_pem, read_roster, signing_key  # noqa: PLC0415

    with pytest.raises(FederationError, match="rome is enrolled"):
        home.enrol("rome", Enrolled(9, "", "", ""))
    home.enrol("paris", Enrolled(9, "", public_pem(signing_key(create_signing_key())), ""))
    assert set(read_roster(home.roster).keys) == {"paris"}
    home.revoke("paris")
    assert set(read_roster(home.roster).keys) == set()
    with pytest.raises(FederationError, match="'paris' is not enrolled"):
        home.revoke("paris")
    assert set(members_of(parse({}), home)) == {"berlin", "oslo", "rome"}


def test_a_job_that_is_known_by_its_folder_alone_was_driven(home: Home) -> None:
    bed = Bed(home, job())
    assert (bed.folder.path / JOB).exists()
