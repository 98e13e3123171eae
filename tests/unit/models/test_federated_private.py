"""A site's private rounds on its own data: what a record is, and that both networks learn."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from models.federated import Ask, Privacy, Site
from models.prepare import LoggedSequence
from models.preparing import TrainingOptions
from models.private import Protection, Randomness
from models.shared import ENCODER, SEQUENCE, initial

Visits = Callable[..., list[LoggedSequence]]
KEY = bytes(range(32))


def going() -> bool:
    return False


@pytest.fixture(scope="module")
def site(visits_of: Visits) -> Site:
    visits = [replace(visit, key=f"user-{i % 40}") for i, visit in enumerate(visits_of(300))]
    return Site(visits, TrainingOptions(budget=100.0), lambda _stage, _done, _total: None)


def test_a_record_is_a_sequence_or_all_sequences_of_one_key(site: Site) -> None:
    assert len(site.prepared.owners) == site.examples == site.records("sequence")
    assert site.records("key") == len(set(site.prepared.owners)) == 40


@pytest.mark.parametrize("unit", ["sequence", "key"])
def test_a_private_round_teaches_the_lstm_and_leaves_the_encoder(site: Site, unit: str) -> None:
    weights = initial(0)
    privacy = Privacy(unit, Protection(0.3, site.records(unit), 0.2), Randomness(KEY))  # type: ignore[arg-type]
    after, steps = site.train_privately(weights, Ask(25, 0.01), privacy, going)
    assert steps == 25
    assert site.loss(after) < site.loss(weights) * 0.8
    assert all((after[name] == weights[name]).all() for name in ENCODER)


def test_a_private_round_of_the_encoder_leaves_the_lstm(site: Site) -> None:
    weights = initial(0)
    privacy = Privacy("sequence", Protection(0.3, site.records("sequence"), 0.5), Randomness(KEY))
    after, steps = site.train_encoder_privately(weights, Ask(5, 2e-3), privacy, going)
    assert steps == 5
    assert all((after[name] == weights[name]).all() for name in SEQUENCE)
    assert not (after[ENCODER[0]] == weights[ENCODER[0]]).all()
