"""A job over five sites, in one process: rounds, strategies, the guard, the gate, what is kept, going on."""

import numpy as np
import pytest

from aggregator.guard import NotEnoughSites
from aggregator.keeping import JobFolder
from deepsentry import wire
from deepsentry.errors import FederationError
from models.shared import Weights, digest, initial
from tests.unit.aggregator.conftest import NAMES, Bench


def moved(weights: Weights, start: Weights | None = None) -> float:
    """How far every weight went; they all went equally far."""
    start = start or initial(0)
    steps = [float(np.mean(weights[name] - start[name])) for name in start]
    assert np.ptp(steps) < 1e-4
    return float(np.mean(steps))


def test_a_job_ends_as_a_version_that_says_where_it_comes_from(bench: Bench) -> None:
    bench.conduct(bench.assignment())
    found = bench.versions.latest("detector")
    assert found is not None
    version, weights = found
    assert (version.job, version.rounds, version.sites, version.strategy) == ("job-1", 3, NAMES, "fedavg")
    assert version.digest == digest(weights)
    states = [line.state for line in bench.folder().told()]
    assert states == ["running"] * 3 + ["aggregated", "validating", "registered"]
    assert next(iter(bench.folder().told())).facts["site.rome"] == "ok"
    last = list(bench.folder().told())[-1]
    assert last.version is not None
    assert (last.version.version, last.facts["adopted"]) == (1, 5)
    assert all(len(s.data.notes) == 1 for s in bench.stations.values())


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [("fedavg", 0.3667), ("fedprox", 0.3667), ("fedmedian", 0.3)],
)
def test_the_mean_is_weighted_by_sequences_and_the_median_is_not(bench: Bench, strategy: str, expected: float) -> None:
    bench.conduct(bench.assignment(rounds=1, encoder_rounds=0, strategy=strategy))
    found = bench.versions.latest("detector")
    assert found is not None
    assert moved(found[1]) == pytest.approx(expected, abs=1e-3)


def test_fedadam_moves_towards_the_mean_and_stays_float32(bench: Bench) -> None:
    bench.conduct(bench.assignment(rounds=1, encoder_rounds=0, strategy="fedadam"))
    found = bench.versions.latest("detector")
    assert found is not None
    assert 0 < moved(found[1]) < 0.3667
    assert {w.dtype for w in found[1].values()} == {np.dtype(np.float32)}


def test_krum_takes_a_site_that_is_among_the_others(bench: Bench) -> None:
    bench.stations["rome"].data.step = 500.0
    bench.conduct(bench.assignment(rounds=1, encoder_rounds=0, strategy="krum"))
    found = bench.versions.latest("detector")
    assert found is not None
    assert moved(found[1]) < 0.5


def test_fedprox_tells_the_sites_how_strongly_to_hold_on(bench: Bench) -> None:
    bench.conduct(bench.assignment(strategy="fedprox", mu=0.5))
    assert [ask.mu for ask in bench.stations["oslo"].data.asks] == [0.0, 0.5, 0.5]
    assert [ask.rate for ask in bench.stations["oslo"].data.asks[1:]] == pytest.approx([4e-3, 2.1e-3])


def test_every_round_is_kept_with_its_digest_and_what_each_site_told(bench: Bench) -> None:
    bench.conduct(bench.assignment())
    rounds = bench.folder().rounds()
    assert [k.round for k in rounds] == [1, 2, 3]
    assert [k.phase for k in rounds] == ["encoder", "sequence", "sequence"]
    assert rounds[0].by_site["rome"] == {"num-examples": 500.0, "loss": 1.0}
    last = bench.folder().last()
    assert last is not None
    assert digest(last[1]) == last[0].digest


def test_a_job_goes_on_behind_its_last_round(bench: Bench) -> None:
    whole = Bench(bench.root / "whole")
    whole.conduct(whole.assignment())
    lost = iter(range(100))
    grid = bench.grid(drop=lambda message: message.metadata.message_type == "train" and next(lost) >= 7)
    with pytest.raises(NotEnoughSites):
        bench.conduct(bench.assignment(quorum=3), grid)
    assert [k.round for k in bench.folder().rounds()] == [1]
    bench.conduct(bench.assignment(quorum=3))
    found, expected = bench.versions.latest("detector"), whole.versions.latest("detector")
    assert found is not None
    assert expected is not None
    assert moved(found[1], expected[1]) == pytest.approx(0.0, abs=1e-6)
    assert found[0].rounds == 3


def test_a_round_that_was_half_written_does_not_count_and_a_changed_one_is_refused(bench: Bench) -> None:
    bench.conduct(bench.assignment())
    folder = bench.folder()
    (folder.path / "rounds" / "0003.json").write_bytes(b'{"round": 3, "ph')
    last = folder.last()
    assert last is not None
    assert last[0].round == 2
    (folder.path / "rounds" / "0002.safetensors").write_bytes(
        (folder.path / "rounds" / "0001.safetensors").read_bytes()
    )
    with pytest.raises(FederationError, match="round 2 of job-1: the weights do not have the digest"):
        folder.last()


def test_a_job_fails_below_its_quorum_and_says_who_is_away(bench: Bench) -> None:
    grid = bench.grid()
    for name in ("lisbon", "oslo", "paris"):
        del grid.stations[bench.members[name]]
    with pytest.raises(
        NotEnoughSites, match=r"2 of 4 sites needed were online within 0\.2 s; away: lisbon, oslo, paris"
    ):
        bench.conduct(bench.assignment(), grid)
    assert [line.state for line in bench.folder().told()] == ["waiting_sites", "failed"]


def test_sites_that_answer_badly_or_not_at_all_do_not_count(bench: Bench) -> None:
    grid = bench.grid(drop=lambda message: message.metadata.dst_node_id == bench.members["paris"])
    bench.conduct(bench.assignment(rounds=1, encoder_rounds=0), grid)
    assert bench.folder().rounds()[0].sites == {
        **dict.fromkeys(("berlin", "lisbon", "oslo", "rome"), "ok"),
        "paris": "no answer in time",
    }


def test_a_site_outside_the_job_is_neither_asked_nor_heard(bench: Bench) -> None:
    assignment = bench.assignment()
    stranger = bench.members["rome"]
    members = {name: node for name, node in bench.members.items() if node != stranger}
    grid = bench.grid()
    bench.conduct(type(assignment)("job-1", "detector", assignment.plan, members, assignment.home), grid)
    assert stranger not in {message.metadata.dst_node_id for message in grid.sent}


def test_the_gate_looks_at_the_worst_site(bench: Bench) -> None:
    bench.stations["berlin"].data.auc = 0.51
    bench.conduct(bench.assignment())
    last = list(bench.folder().told())[-1]
    assert last.state == "rejected"
    assert last.message == "the AUC of the worst site, berlin, is 0.510, below 0.6"
    assert bench.versions.latest("detector") is None
    assert not any(s.data.notes for s in bench.stations.values())


def test_the_gate_looks_at_the_version_before(bench: Bench) -> None:
    bench.conduct(bench.assignment())
    found = bench.versions.latest("detector")
    assert found is not None
    better = found[0].digest
    for each in bench.stations.values():
        each.data.aucs = {better: 0.9}
        each.data.auc = 0.7
    bench.conduct(bench.assignment("job-2"))
    last = list(bench.folder("job-2").told())[-1]
    assert (last.state, last.message) == (
        "rejected",
        "the weighted mean AUC is 0.700, that of the version before is 0.900",
    )


def test_the_second_job_starts_from_the_version_of_the_first(bench: Bench) -> None:
    bench.conduct(bench.assignment(rounds=1, encoder_rounds=0))
    bench.conduct(bench.assignment("job-2", rounds=1, encoder_rounds=0))
    found = bench.versions.latest("detector")
    assert found is not None
    assert moved(found[1]) == pytest.approx(2 * 0.3667, abs=1e-3)


def test_progress_is_read_on_from_any_line_and_a_half_written_one_is_not_there(bench: Bench) -> None:
    folder = JobFolder(bench.home.job("job-9"))
    folder.tell("running", "one", 1, 2)
    folder.tell("running", "two", 2, 2)
    with (folder.path / "progress.jsonl").open("ab") as file:
        file.write(wire.encode({"state": "running"})[:9])
    assert [line.message for line in folder.told(1)] == ["two"]
