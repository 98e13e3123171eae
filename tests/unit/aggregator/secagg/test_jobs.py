"""Over the rounds of a job: the sites of its sums stay the same, or the job stops; memory survives what it must."""

from pathlib import Path

import pytest

from aggregator.secagg import Memory, Sid, Stopped, Terms, Total, load_memory, save_memory
from aggregator.secagg.memory import MAX_BYTES, MAX_JOBS, Remembered
from deepsentry import wire
from deepsentry.errors import DataError
from tests.unit.aggregator.secagg.federation import Wire, names, same_as_plain, setup, sites

ALL = names(5)


def test_the_rounds_of_a_job_go_on_while_nobody_is_lost() -> None:
    members = sites(5)
    for number in (1, 2, 3):
        found = Wire(members).run(setup(members, sid=Sid("job", number), fixed=ALL if number > 1 else ()))
        same_as_plain(found, members)


@pytest.mark.parametrize(
    ("asked", "said"),
    [(ALL[:4], "it lost site04"), ((*ALL, "site05"), "it gained site05")],
)
def test_sites_refuse_a_job_whose_members_changed_whatever_the_server_makes_of_it(
    asked: tuple[str, ...], said: str
) -> None:
    everyone = sites(6)
    assert isinstance(Wire(everyone).run(setup(everyone, sites=ALL)), Total)
    found = Wire(everyone).run(setup(everyone, sid=Sid("job", 2), sites=asked))
    assert isinstance(found, Stopped)
    assert everyone["site00"].refusals == [f"shares: the sites of this job are fixed since its first sum, and {said}"]


def test_sites_refuse_survivors_other_than_those_of_the_first_sum() -> None:
    members = sites(5)
    assert isinstance(Wire(members).run(setup(members)), Total)
    found = Wire(members, lost={"site04": "masked"}).run(setup(members, sid=Sid("job", 2)))
    assert isinstance(found, Stopped)
    assert found.stage == "agree"
    assert members["site00"].refusals == [
        "agree: the sites of this job are fixed since its first sum, and it lost site04"
    ]


def test_who_was_lost_from_the_first_sum_does_not_come_back() -> None:
    members = sites(5)
    assert isinstance(Wire(members, lost={"site04": "masked"}).run(setup(members)), Total)
    found = Wire(members).run(setup(members, sid=Sid("job", 2)))
    assert isinstance(found, Stopped)
    found = Wire(members).run(setup(members, sid=Sid("job", 3), sites=ALL[:4], fixed=ALL[:4]))
    same_as_plain(found, members)


@pytest.mark.parametrize(("stage", "told"), [("keys", "keys"), ("shares", "shares"), ("masked", "masked")])
def test_the_server_stops_as_soon_as_a_fixed_site_is_lost(stage: str, told: str) -> None:
    members = sites(5)
    found = Wire(members, lost={"site04": stage}).run(setup(members, fixed=ALL))
    assert isinstance(found, Stopped)
    assert found.stage == told
    assert found.reason == "the sites of this job are fixed since its first sum, and it lost site04"


@pytest.mark.parametrize("stage", ["agree", "unmask"])
def test_a_fixed_site_lost_after_its_vector_arrived_costs_nothing(stage: str) -> None:
    members = sites(5)
    same_as_plain(Wire(members, lost={"site04": stage}).run(setup(members, fixed=ALL)), members)


def test_the_server_does_not_begin_with_other_sites_than_the_fixed_ones() -> None:
    members = sites(5)
    found = Wire(members).run(setup(members, sites=ALL[:4], fixed=ALL))
    assert found == Stopped("keys", "the sites of this job are fixed since its first sum, and it lost site04", {})


def test_the_server_does_not_begin_an_unsafe_round() -> None:
    members = sites(5)
    assert isinstance(Wire(members).run(setup(members, sites=ALL[:2])), Stopped)
    assert isinstance(Wire(members).run(setup(members, threshold=3)), Stopped)


def test_sites_that_add_noise_may_bear_changes() -> None:
    members = sites(5, Terms(changes="bear"))
    assert isinstance(Wire(members).run(setup(members)), Total)
    found = Wire(members).run(setup(members, sid=Sid("job", 2), sites=ALL[:4]))
    same_as_plain(found, members)
    assert isinstance(found, Total)
    assert found.survivors == ALL[:4]


def test_jobs_do_not_know_of_one_another() -> None:
    members = sites(5)
    assert isinstance(Wire(members).run(setup(members)), Total)
    assert isinstance(Wire(members).run(setup(members, sid=Sid("other", 1), sites=ALL[:4])), Total)


def test_a_failed_round_is_tried_again_with_another_attempt() -> None:
    members = sites(3)
    assert isinstance(Wire(members, lost={"site02": "unmask"}).run(setup(members)), Stopped)
    same_as_plain(Wire(members).run(setup(members, sid=Sid("job", 1, 1))), members)


def test_memory_is_what_was_saved(tmp_path: Path) -> None:
    path = tmp_path / "memory.json"
    assert load_memory(path) == Memory()
    memory = Memory({"job": Remembered(4, 2, ALL)})
    save_memory(path, memory)
    assert load_memory(path) == memory
    assert [each.name for each in tmp_path.iterdir()] == ["memory.json"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}x",
        b'{"jobs": {"a": {"round": 1}}}',
        b'{"jobs": {"a": {"round": 1, "attempt": 0, "members": ["No Name"]}}}',
        b'{"jobs": {}, "more": 1}',
        b" " * (MAX_BYTES + 1),
        wire.encode({"jobs": {str(i): {"round": 1, "attempt": 0} for i in range(MAX_JOBS + 1)}}),
    ],
    ids=range(7),
)
def test_a_spoiled_memory_is_an_error_and_not_an_empty_one(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "memory.json"
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"memory\.json"):
        load_memory(path)


def test_memory_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        save_memory(tmp_path / "nowhere" / "memory.json", Memory())
    (tmp_path / "folder").mkdir()
    with pytest.raises(DataError):
        load_memory(tmp_path / "folder")
