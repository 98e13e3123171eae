"""Five sites as real processes sum under masks, and somebody is killed in every stage: the right sum, or none.

Each job starts from the same weights and training repeats exactly, so a job in the clear says what the sum must be.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import psutil
import pytest

from aggregator.keeping import JobFolder
from aggregator.secagg import STAGES
from deepsentry.demo.cluster import Cluster
from deepsentry.events.work import JobReport
from models.shared import Weights
from tests.integration.federated import KEY, WITHIN, answered, job, kill, logs, silent

NAMES = ("berlin", "lisbon", "oslo", "paris", "rome")
FEW = {"steps": 10, "floor": 1.0}
"""No result is that good, so none is handed out: only the sum matters here."""
SOON = {**FEW, "wait_s": 20.0}
"""Do not wait long for who was killed."""
TOLERANCE = 1e-6
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("masks"), dict(os.environ)) as cluster:
        cluster.join(logs(NAMES), KEY)
        yield cluster


@pytest.fixture(scope="module")
def expected(cluster: Cluster) -> Callable[[Sequence[str], int], Weights]:
    """FedAvg of these sites in the clear, after so many rounds."""
    found: dict[tuple[str, int], Weights] = {}

    def ask(sites: Sequence[str], rounds: int = 1) -> Weights:
        asked = ",".join(sites)
        if (asked, rounds) not in found:
            name = f"plain-{len(sites)}-{rounds}"
            last = cluster.run(job(name, name, sites=asked, rounds=rounds, **FEW), silent, WITHIN)
            assert last.state in {"rejected", "registered"}, last.message
            found[asked, rounds] = weights(cluster, name)
        return found[asked, rounds]

    return ask


def weights(cluster: Cluster, name: str) -> Weights:
    last = JobFolder(cluster.home.job(name)).last()
    assert last is not None
    return last[1]


def same(found: Weights, wanted: Weights) -> None:
    assert max(float(np.abs(found[name] - wanted[name]).max()) for name in wanted) < TOLERANCE


def counted(cluster: Cluster, name: str) -> list[set[str]]:
    return [{s for s, said in k.sites.items() if said == "ok"} for k in JobFolder(cluster.home.job(name)).rounds()]


def until(true: Callable[[], bool]) -> None:
    """Wait, looking so often that nothing comes in between."""
    end = time.monotonic() + WITHIN
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def strike(cluster: Cluster, victims: Sequence[str], name: str, stage: str, round_: int = 1) -> None:
    """Kill sites that were asked in a stage and have not answered: frozen after the one before, killed once it runs."""
    place = STAGES.index(stage)  # type: ignore[arg-type]
    agents = [psutil.Process(cluster.sites[victim].pid) for victim in victims]
    for victim, agent in zip(victims, agents, strict=True):
        if place:
            until(lambda: answered(cluster, victim, name, f"train.{STAGES[place - 1]}", round_))  # noqa: B023
        agent.suspend()
    if not place:
        cluster.home.put(job(name, name, secure=True, **SOON))
    until(lambda: answered(cluster, "berlin", name, f"train.{stage}", round_))
    for victim in victims:
        assert not answered(cluster, victim, name, f"train.{stage}", round_)
        kill(cluster.sites[victim])


def test_the_sum_of_five_is_that_in_the_clear(
    cluster: Cluster, expected: Callable[[Sequence[str], int], Weights]
) -> None:
    last = cluster.run(job("all", "all", secure=True, rounds=2, **FEW), silent, WITHIN)
    assert last.state in {"rejected", "registered"}, last.message
    assert counted(cluster, "all") == [set(NAMES)] * 2
    same(weights(cluster, "all"), expected(NAMES, 2))


@pytest.mark.parametrize("stage", STAGES)
def test_a_site_killed_in_a_stage_leaves_the_sum_of_those_whose_vector_arrived(
    cluster: Cluster, expected: Callable[[Sequence[str], int], Weights], stage: str
) -> None:
    name = f"lost-in-{stage}"
    if stage != STAGES[0]:
        cluster.home.put(job(name, name, secure=True, **SOON))
    strike(cluster, ["rome"], name, stage)
    told: list[JobReport] = []
    last = cluster.follow(name, told.append, WITHIN)
    assert last.state in {"rejected", "registered"}, last.message
    assert not any("anew" in report.message for report in told)
    left = NAMES if stage in {"agree", "unmask"} else NAMES[:4]
    assert counted(cluster, name) == [set(left)]
    cluster.start_site("rome")
    cluster.wait(lambda: cluster.online() == len(NAMES), "rome to come back", 600)
    same(weights(cluster, name), expected(left, 1))


def test_two_sites_killed_in_the_second_round_come_back_and_it_is_begun_anew(
    cluster: Cluster, expected: Callable[[Sequence[str], int], Weights]
) -> None:
    cluster.home.put(job("two", "two", secure=True, rounds=2, round_s=240.0, **FEW))
    strike(cluster, ["paris", "rome"], "two", "masked", 2)
    for name in ("paris", "rome"):
        cluster.start_site(name)
    told: list[JobReport] = []
    last = cluster.follow("two", told.append, WITHIN)
    assert last.state in {"rejected", "registered"}, last.message
    assert any("round 2 gave no sum, in stage masked" in report.message for report in told)
    assert counted(cluster, "two") == [set(NAMES)] * 2
    same(weights(cluster, "two"), expected(NAMES, 2))


@pytest.mark.parametrize("stage", STAGES[:-1])
def test_an_aggregator_killed_after_a_stage_begins_the_round_anew(
    cluster: Cluster, expected: Callable[[Sequence[str], int], Weights], stage: str
) -> None:
    name = f"killed-after-{stage}"
    cluster.home.put(job(name, name, secure=True, **FEW))
    until(lambda: answered(cluster, "berlin", name, f"train.{stage}"))
    assert cluster.aggregator is not None
    kill(cluster.aggregator)
    cluster.start_aggregator()
    last = cluster.follow(name, silent, WITHIN)
    assert last.state in {"rejected", "registered"}, last.message
    assert counted(cluster, name) == [set(NAMES)]
    same(weights(cluster, name), expected(NAMES, 1))
