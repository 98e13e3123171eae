"""Jobs under masks, and jobs with noise: what the aggregator learns then, and what a site refuses."""

from pathlib import Path

import numpy as np
import pytest
from flwr.app import Message

from aggregator.audit import Line
from aggregator.guard import NotEnoughSites
from aggregator.home import Enrolled
from aggregator.ledger import Ledger
from aggregator.participant import Privately
from aggregator.policy import Policy
from aggregator.privacy import Budget
from aggregator.secagg import Member, Terms, create_signing_key, public_pem, read_roster, signing_key
from aggregator.standing import Masks
from deepsentry import wire
from models.shared import Weights
from tests.unit.aggregator.conftest import NAMES, Bench
from tests.unit.aggregator.local_grid import Numbers, station


def masked(root: Path, policy: Policy | None = None) -> Bench:
    """Five sites that sign, each with the roster pinned."""
    bench = Bench(root)
    keys = {name: create_signing_key() for name in NAMES}
    for name, node in bench.members.items():
        bench.home.revoke(name)
        bench.home.enrol(name, Enrolled(node, "", public_pem(signing_key(keys[name])), ""))
    roster = read_roster(bench.home.roster)
    for i, name in enumerate(NAMES):
        masks = Masks(Member(name, signing_key(keys[name]), roster, Terms()), root / name / "masks.json")
        data = Numbers(0.1 * (i + 1), 100 * (i + 1))
        bench.stations[name] = station(root / name, data, policy, masks)
    return bench


def latest(bench: Bench) -> Weights:
    found = bench.versions.latest("detector")
    assert found is not None
    return found[1]


def test_the_sum_under_masks_is_the_mean_in_clear(tmp_path: Path) -> None:
    plain, hidden = Bench(tmp_path / "plain"), masked(tmp_path / "hidden", Policy(secure_only=True))
    plain.conduct(plain.assignment())
    hidden.conduct(hidden.assignment(secure=True))
    expected, found = latest(plain), latest(hidden)
    assert max(float(np.abs(found[n] - expected[n]).max()) for n in expected) < 1e-6
    kept = hidden.folder().rounds()
    assert [k.members for k in kept] == [NAMES] * 3
    assert [k.by_site for k in kept] == [{}] * 3
    assert all(k.facts == {"loss": pytest.approx(1.0, abs=1e-6)} for k in kept)
    version = hidden.versions.read("detector", 1)[0]
    assert (version.secure, version.sites) == (True, NAMES)


def test_under_masks_no_weights_leave_a_site_that_look_like_its_own(tmp_path: Path) -> None:
    bench = masked(tmp_path)
    bench.conduct(bench.assignment(secure=True, rounds=1, encoder_rounds=0))
    audit = [wire.decode(Line, line) for line in bench.stations["oslo"].audit.read_bytes().splitlines()]
    assert [line.type for line in audit][:5] == [f"train.{s}" for s in ("keys", "shares", "masked", "agree", "unmask")]
    assert {line.weights for line in audit} == {""}
    assert audit[2].bytes_out > 8 * 91_000


@pytest.mark.parametrize("stage", ["keys", "shares", "masked", "agree", "unmask"])
def test_a_site_that_falls_silent_in_any_stage_does_not_stop_the_others(tmp_path: Path, stage: str) -> None:
    bench = masked(tmp_path)
    rome = bench.members["rome"]

    def drop(message: Message) -> bool:
        return message.metadata.dst_node_id == rome and message.metadata.message_type == f"train.{stage}"

    bench.conduct(bench.assignment(secure=True, rounds=1, encoder_rounds=0), bench.grid(drop=drop))
    [kept] = bench.folder().rounds()
    counted = {name for name, said in kept.sites.items() if said == "ok"}
    assert counted == set(NAMES) - ({"rome"} if stage in {"keys", "shares", "masked"} else set())


def test_sites_below_the_threshold_give_no_sum(tmp_path: Path) -> None:
    bench = masked(tmp_path)
    few = {bench.members[name] for name in ("oslo", "paris", "rome")}

    def drop(message: Message) -> bool:
        return message.metadata.dst_node_id in few and message.metadata.message_type == "train.masked"

    with pytest.raises(NotEnoughSites, match="round 1 gave no sum, in stage masked: 2 sites answered in order; 4"):
        bench.conduct(bench.assignment(secure=True, rounds=1, encoder_rounds=0), bench.grid(drop=drop))
    assert bench.versions.latest("detector") is None


@pytest.mark.parametrize("stage", ["keys", "shares", "masked", "agree", "unmask"])
def test_a_round_that_gave_no_sum_is_begun_anew_and_gives_that_of_all(tmp_path: Path, stage: str) -> None:
    plain, bench = Bench(tmp_path / "plain"), masked(tmp_path / "hidden")
    away = {bench.members[name] for name in ("paris", "rome")}
    lost: list[Message] = []

    def drop(message: Message) -> bool:
        missing = message.metadata.dst_node_id in away and message.metadata.message_type == f"train.{stage}"
        if missing:
            lost.append(message)
        return missing and len(lost) <= len(away)  # the first try alone

    once = {"rounds": 1, "encoder_rounds": 0}
    bench.conduct(bench.assignment(secure=True, **once), bench.grid(drop=drop))
    plain.conduct(plain.assignment(**once))
    expected, found = latest(plain), latest(bench)
    assert max(float(np.abs(found[n] - expected[n]).max()) for n in expected) < 1e-6
    assert [k.members for k in bench.folder().rounds()] == [NAMES]
    told = [each.message for each in bench.folder().told(0) if each.state == "waiting_sites"]
    assert len(told) == 1
    assert told[0].startswith(f"round 1 gave no sum, in stage {stage}: 3 sites answered in order; 4 are needed")


def test_a_site_of_the_first_sum_that_was_away_for_a_moment_does_not_end_the_job(tmp_path: Path) -> None:
    bench = masked(tmp_path)
    rome, asked = bench.members["rome"], []

    def drop(message: Message) -> bool:
        mine = message.metadata.dst_node_id == rome and message.metadata.message_type == "train.masked"
        if mine:
            asked.append(message)
        return mine and len(asked) == 2

    bench.conduct(bench.assignment(secure=True, rounds=2, encoder_rounds=0), bench.grid(drop=drop))
    assert [k.members for k in bench.folder().rounds()] == [NAMES] * 2


def test_the_members_of_a_job_stay_those_of_its_first_sum(tmp_path: Path) -> None:
    bench = masked(tmp_path)
    rome, seen = bench.members["rome"], []

    def drop(message: Message) -> bool:
        seen.append(message)
        late = len([m for m in seen if m.metadata.message_type == "train.masked"]) > 5
        return message.metadata.dst_node_id == rome and late

    with pytest.raises(NotEnoughSites, match="rome"):
        bench.conduct(bench.assignment(secure=True), bench.grid(drop=drop))
    assert len(bench.folder().rounds()) == 1


def noisy(root: Path, epsilon: float) -> Bench:
    bench = Bench(root)
    for i, name in enumerate(NAMES):
        privately = Privately.of(Ledger(root / name / "privacy"), Budget(epsilon), "sequence", lambda: "2026")
        bench.stations[name] = station(root / name, Numbers(0.1, 1000 * (i + 1)), None, None, privately)
    return bench


def test_noise_is_accounted_at_each_site_and_stands_in_the_version(tmp_path: Path) -> None:
    bench = noisy(tmp_path, 8.0)
    bench.conduct(bench.assignment(noise=2.0, steps=20))
    version = bench.versions.read("detector", 1)[0]
    assert version.epsilon is not None
    assert 0.1 < version.epsilon < 8.0
    assert (version.delta, version.unit) == (1e-5, "one sequence")
    worst = Ledger(tmp_path / "berlin" / "privacy").of("job-1", 1e-5).value
    assert version.epsilon == pytest.approx(worst)
    note = bench.stations["rome"].data.notes[0]
    assert note.epsilon is not None
    assert note.epsilon == pytest.approx(version.epsilon)
    assert [p.protection.noise for p in bench.stations["oslo"].data.privacies] == [2.0] * 3


def test_with_noise_the_loss_of_a_site_stays_there(tmp_path: Path) -> None:
    bench = noisy(tmp_path, 8.0)
    bench.conduct(bench.assignment(noise=2.0, steps=20, rounds=1, encoder_rounds=0))
    assert set(bench.folder().rounds()[0].by_site["oslo"]) == {"num-examples"}


def test_a_site_whose_budget_is_spent_takes_no_further_part(tmp_path: Path) -> None:
    bench = noisy(tmp_path, 1.2)
    with pytest.raises(NotEnoughSites):
        bench.conduct(bench.assignment(noise=2.0, steps=50, rounds=50, encoder_rounds=0))
    audit = [wire.decode(Line, line) for line in bench.stations["berlin"].audit.read_bytes().splitlines()]
    assert audit[-1].reason == "the privacy budget of this site does not allow another round"
    assert Ledger(tmp_path / "berlin" / "privacy").total(1e-5).value <= 1.2


def test_a_site_without_a_ledger_does_not_pretend(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    with pytest.raises(NotEnoughSites):
        bench.conduct(bench.assignment(noise=1.0, rounds=1, encoder_rounds=0))
    assert "no ledger" in bench.stations["rome"].replies[0].error.reason


def test_a_site_that_counts_by_keys_takes_no_part_where_sequences_are_hidden(tmp_path: Path) -> None:
    bench = noisy(tmp_path, 8.0)
    with pytest.raises(NotEnoughSites):
        bench.conduct(bench.assignment(noise=2.0, steps=20, unit="key"))
    assert bench.stations["rome"].replies[0].error.reason == "this site counts its privacy by one sequence"
