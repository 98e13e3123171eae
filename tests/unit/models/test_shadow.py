import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepsentry.events import Moments
from models.shadow import LEAST, MOST, allowing, at_least, bucket, edge, figures, joined, moments

SCORES = st.floats(0, 1000)
PAIRS = st.lists(st.tuples(SCORES, SCORES), max_size=50)


@given(PAIRS.filter(lambda pairs: len(pairs) > 1))
def test_the_figures_are_those_of_the_textbook(pairs: list[tuple[float, float]]) -> None:
    found = figures(moments(pairs))
    champion, challenger = np.array(pairs).T
    assert found.pairs == len(pairs)
    assert found.mean_difference == pytest.approx((challenger - champion).mean(), abs=1e-9)
    assert found.deviation == pytest.approx((challenger - champion).std(), rel=1e-6, abs=1e-4)
    if champion.std() > 1e-3 and challenger.std() > 1e-3:
        assert found.correlation == pytest.approx(np.corrcoef(champion, challenger)[0, 1], abs=1e-6)


@given(PAIRS, PAIRS)
def test_sums_of_two_workers_are_those_of_one_that_saw_everything(
    one: list[tuple[float, float]], other: list[tuple[float, float]]
) -> None:
    apart, together = figures(joined(moments(one), moments(other))), figures(moments([*one, *other]))
    assert apart.pairs == together.pairs
    assert apart.mean_difference == pytest.approx(together.mean_difference, abs=1e-6)
    assert apart.deviation == pytest.approx(together.deviation, rel=1e-6, abs=1e-3)


def test_a_version_agrees_with_itself() -> None:
    found = figures(moments((score, score) for score in (0.2, 0.4, 3.0)))
    assert (found.mean_difference, found.deviation) == (0.0, 0.0)
    assert found.correlation == pytest.approx(1.0)


def test_without_pairs_there_is_no_correlation_to_speak_of() -> None:
    assert figures(Moments()).correlation is None
    assert figures(moments([(0.5, 0.5), (0.5, 0.7)])).correlation is None


@given(st.floats(0.04, 1000))
def test_a_score_lies_in_its_bucket(score: float) -> None:
    assert edge(bucket(score)) <= score * (1 + 1e-12)
    assert score < edge(bucket(score) + 1) * (1 + 1e-12)


@pytest.mark.parametrize(
    ("score", "expected"), [(0.0, LEAST), (math.nan, LEAST), (1.0, 0), (0.999, -1), (2.0, 8), (math.inf, MOST)]
)
def test_the_threshold_begins_a_bucket_and_the_outermost_take_the_rest(score: float, expected: int) -> None:
    assert bucket(score) == expected


@given(st.lists(st.floats(0, 2000), max_size=60), st.integers(0, 60))
def test_a_threshold_lets_through_no_more_than_it_may(scores: list[float], most: int) -> None:
    counts = Counter(map(bucket, scores))
    lowest = allowing(counts, most)
    assert at_least(counts, lowest) <= most
    assert lowest == LEAST or at_least(counts, lowest - 1) > most
