"""A round as a whole: it equals plain FedAvg of the survivors, or stops and says why, whoever drops out when."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st

from aggregator.secagg import STAGES, Stopped, Total
from aggregator.secagg.thresholds import default_threshold, objection
from tests.unit.aggregator.secagg.federation import Wire, names, same_as_plain, setup, sites


@pytest.mark.parametrize("count", [3, 4, 5, 7, 10])
def test_a_round_equals_plain_averaging(count: int) -> None:
    members = sites(count)
    found = Wire(members).run(setup(members))
    same_as_plain(found, members)
    assert isinstance(found, Total)
    assert found.survivors == names(count)
    assert found.faults == {}
    assert all(member.standing.state is None for member in members.values())


@pytest.mark.parametrize("stage", STAGES)
def test_a_site_that_is_killed_in_any_stage_costs_five_sites_nothing_more_than_its_update(stage: str) -> None:
    members = sites(5)
    found = Wire(members, lost={"site03": stage}).run(setup(members))
    same_as_plain(found, members)
    assert isinstance(found, Total)
    assert ("site03" in found.survivors) == (stage in {"agree", "unmask"})


@pytest.mark.parametrize("stage", STAGES)
def test_with_three_sites_any_loss_stops_the_round(stage: str) -> None:
    members = sites(3)
    found = Wire(members, lost={"site01": stage}).run(setup(members))
    assert isinstance(found, Stopped)
    assert found.stage == stage
    assert found.reason == "2 sites answered in order; 3 are needed"


@st.composite
def rounds(draw: st.DrawFn) -> tuple[int, int, Mapping[str, str]]:
    count = draw(st.integers(3, 9))
    safe = [t for t in range(3, count + 1) if not objection(count, t, 1)]
    threshold = draw(st.sampled_from(safe))
    lost = draw(st.dictionaries(st.sampled_from(names(count)), st.sampled_from(STAGES), max_size=count))
    return count, threshold, lost


@profile(max_examples=25)
@given(rounds())
def test_any_drop_outs_leave_the_sum_of_the_survivors_or_a_clean_stop(case: tuple[int, int, Mapping[str, str]]) -> None:
    count, threshold, lost = case
    members = sites(count)
    found = Wire(members, lost=lost).run(setup(members, threshold=threshold))
    left = count
    for stage in STAGES:
        left -= sum(when == stage for when in lost.values())
        if left < threshold:
            assert isinstance(found, Stopped)
            assert found.stage == stage
            return
    same_as_plain(found, members)
    assert isinstance(found, Total)
    assert set(found.survivors) == {n for n in members if lost.get(n) not in {"keys", "shares", "masked"}}


def test_the_default_threshold_is_the_one_of_the_table() -> None:
    assert [default_threshold(n) for n in (3, 4, 5, 7, 10)] == [3, 3, 4, 5, 7]
