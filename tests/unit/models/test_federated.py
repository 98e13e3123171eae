"""A site's part of a round, on its own data."""

from collections.abc import Callable

import numpy as np
import pytest

from deepsentry.events import ModelReference
from models.artifact import Federation, from_files, to_files
from models.detector import Detector
from models.federated import Ask, Site
from models.prepare import LoggedSequence, Observed
from models.preparing import TrainingOptions
from models.shared import Weights, digest, initial

Visits = Callable[..., list[LoggedSequence]]
ASK = Ask(steps=30, rate=4e-3)
NOTE = Federation("job-1", ModelReference("global", 1, "ab"), rounds=2, sites=3)


def silent(_stage: str, _done: int, _total: int) -> None:
    """Hear no progress."""


def going() -> bool:
    return False


@pytest.fixture(scope="module")
def site(visits_of: Visits) -> Site:
    return Site(visits_of(300), TrainingOptions(budget=100.0), silent)


@pytest.fixture(scope="module")
def fitted(site: Site) -> Weights:
    weights = site.train_encoder(initial(0), Ask(steps=20, rate=2e-3))
    return site.train(weights, Ask(steps=150, rate=4e-3), going)


def test_training_lowers_the_surprise_at_held_out_sequences(site: Site, fitted: Weights) -> None:
    assert site.loss(fitted) < site.loss(initial(0)) / 2


def test_trained_weights_tell_faults_apart_and_fresh_ones_hardly(site: Site, fitted: Weights) -> None:
    assert site.measure(fitted).auc > 0.8 > site.measure(initial(0)).auc


def test_the_same_round_gives_the_same_weights_whatever_came_before(site: Site) -> None:
    first = site.train(initial(1), ASK, going)
    site.train(initial(2), ASK, going)
    assert digest(site.train(initial(1), ASK, going)) == digest(first)


def test_the_proximal_term_holds_weights_to_those_that_came(site: Site) -> None:
    start = initial(0)

    def moved(mu: float) -> float:
        after = site.train(start, Ask(steps=30, rate=4e-3, mu=mu), going)
        return sum(float(np.square(after[name] - start[name]).sum()) for name in start)

    assert moved(10.0) < moved(0.0) / 2


def test_a_stop_ends_training_between_two_steps(site: Site) -> None:
    assert digest(site.train(initial(0), ASK, lambda: True)) == digest(initial(0))


def test_the_version_of_a_site_is_an_ordinary_one_that_names_its_federation(
    site: Site, fitted: Weights, visits_of: Visits
) -> None:
    version = from_files(to_files(site.version(fitted, NOTE), "now"))
    assert version.metadata.federation == NOTE
    detector = Detector(version, ModelReference("detector", 1, ""))
    later = [
        Observed(tuple(detector.template(m) for m in s.messages), complete=True, kind="session")
        for s in visits_of(300, seed=9)
    ]
    alarms = [verdict.score > 1 for verdict in detector.judge(later)]
    assert np.mean(alarms) < 0.02
    odd = Observed((*later[0].templates, detector.template("disk of node 3 is full")), complete=True, kind="session")
    assert detector.judge([odd])[0].score > 1
