"""Any bytes in any stage, to a site and to the server: an answer, a refusal or a stop, never an exception."""

import functools

import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st

from aggregator.secagg import STAGES, Asking, Refused, Stage, Stopped, Total, take
from aggregator.secagg.memory import Memory
from tests.unit.aggregator.secagg.federation import CONFIG, Site, Wire, model, setup, sites

COUNT = 3


@functools.cache
def recorded() -> tuple[dict[str, Asking], dict[str, dict[str, bytes]]]:
    """An honest round: what was asked in each stage, and what was answered."""
    members = sites(COUNT)
    answers: dict[str, dict[str, bytes]] = {stage: {} for stage in STAGES}

    def record(stage: str, site: str, data: bytes) -> bytes:
        answers[stage][site] = data
        return data

    wire_ = Wire(members, up=record)
    assert isinstance(wire_.run(setup(members)), Total)
    return {step.stage: step for step in wire_.steps}, answers


def at(stage: Stage) -> Site:
    """A site that waits for the message of a stage."""
    steps, _ = recorded()
    site = sites(COUNT)["site00"]
    for before in STAGES[: STAGES.index(stage)]:
        assert site.reply(before, steps[before].asks["site00"], model(), CONFIG) is not None
    return site


@st.composite
def spoiled(draw: st.DrawFn, data: bytes) -> bytes:
    """Bytes that begin like real ones, or are real ones but for a few."""
    kind = draw(st.sampled_from(["any", "cut", "changed", "longer"]))
    if kind == "any":
        return draw(st.binary(max_size=200))
    at_ = draw(st.integers(0, len(data) - 1))
    if kind == "cut":
        return data[:at_]
    if kind == "longer":
        return data + draw(st.binary(min_size=1, max_size=20))
    return data[:at_] + draw(st.binary(min_size=1, max_size=3)) + data[at_ + 1 :]


@pytest.mark.parametrize("stage", STAGES)
def test_a_site_takes_any_bytes(stage: Stage) -> None:
    steps, _ = recorded()
    site = at(stage)
    standing = site.standing

    @profile(max_examples=60)
    @given(spoiled(steps[stage].asks["site00"]))
    def any_bytes(data: bytes) -> None:
        site.standing, site.refusals = standing, []
        reply = site.reply(stage, data, model(), CONFIG)
        assert (reply is None) == bool(site.refusals)
        if reply is None:
            assert site.standing.state is None
            assert site.standing.memory == standing.memory

    any_bytes()


@pytest.mark.parametrize("stage", STAGES)
def test_the_server_takes_any_bytes(stage: Stage) -> None:
    steps, answers = recorded()

    @profile(max_examples=60)
    @given(spoiled(answers[stage]["site01"]))
    def any_bytes(data: bytes) -> None:
        found = take(steps[stage], {**answers[stage], "site01": data})
        assert isinstance(found, Asking | Stopped | Total)
        if isinstance(found, Stopped):
            assert found.stage in STAGES

    any_bytes()


@given(stage=st.text(max_size=10), data=st.binary(max_size=50))
def test_a_stage_that_does_not_exist_is_refused(stage: str, data: bytes) -> None:
    if stage in STAGES:
        return
    site = sites(COUNT)["site00"]
    assert site.reply(stage, data, model(), CONFIG) is None
    assert site.standing.memory == Memory()
    assert not isinstance(site.standing.state, Refused)


def test_answering_is_pure() -> None:
    """The same standing, message and randomness give the same bytes: nothing is kept anywhere else."""
    steps, answers = recorded()
    for stage in STAGES:
        assert at(stage).reply(stage, steps[stage].asks["site00"], model(), CONFIG) == answers[stage]["site00"]
