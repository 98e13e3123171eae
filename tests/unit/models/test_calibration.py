import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.calibration import MOST, Statistic, allowed_rate, calibrate, calibrate_together


def test_the_budget_becomes_a_share_of_the_sequences_of_a_day() -> None:
    assert allowed_rate(10.0, 10_000, 43_200.0) == 10.0 / 20_000.0


def test_a_generous_budget_is_not_used_up() -> None:
    assert allowed_rate(1_000.0, 10_000, 86_400.0) == allowed_rate(100.0, 10_000, 86_400.0) == MOST


@given(st.lists(st.floats(0.1, 50), min_size=200, max_size=400), st.sampled_from([0.01, 0.02, 0.05]))
def test_with_enough_values_at_most_the_allowed_share_lies_above_the_threshold(
    values: list[float], rate: float
) -> None:
    found = calibrate(values, rate, 0.01)
    assert found.needed == 0
    assert sum(v > found.threshold + 1e-5 for v in values) <= rate * len(values)


@given(st.lists(st.floats(0.0, 50), min_size=1, max_size=90))
def test_with_too_few_values_it_says_how_many_more_and_stays_above_them_all(values: list[float]) -> None:
    found = calibrate(values, 0.001, 0.01)
    assert found.needed == 1000 - len(values)
    assert max(values) - 1e-5 <= found.threshold <= max(1.5 * max(values), 0.01) + 1e-5


def test_a_few_values_that_no_tail_holds_are_left_out_where_anomalies_may_be_among_them() -> None:
    values = [*np.linspace(0.1, 1.0, 1000).tolist(), 8.0, 9.0]
    assert calibrate(values, 0.0005, 0.01, clear=0.01).greatest == 1.0
    assert calibrate(values, 0.0005, 0.01).greatest == 9.0


@pytest.mark.parametrize("seed", range(5))
def test_the_budget_holds_on_clean_values_with_a_heavy_tail(seed: int) -> None:
    rng = np.random.default_rng(seed)
    found = calibrate(rng.pareto(2.0, 4000), 0.002, 0.01, clear=0.01)
    assert (rng.pareto(2.0, 100_000) > found.threshold).mean() <= 2 * 0.002


def test_many_values_beyond_a_gap_are_normal() -> None:
    values = [0.1] * 900 + [5.0] * 100
    assert calibrate(values, 0.001, 0.01, clear=0.01).greatest == 5.0


def test_a_value_that_is_not_clearly_great_is_no_outlier_however_small_the_others_are() -> None:
    values = [0.0] * 4000 + [0.03, 0.06, 0.09]
    assert calibrate(values, 0.001, 0.02, clear=0.1).outliers == 0


def flagged(statistics: list[Statistic], beside: np.ndarray, rate: float) -> np.ndarray:
    found = calibrate_together(statistics, beside, rate)
    return np.logical_or.reduce([s.values > c.threshold for s, c in zip(statistics, found, strict=True)])


def test_statistics_that_agree_each_get_the_whole_rate() -> None:
    values = np.arange(1_000.0)
    assert flagged([Statistic(values, 0.1), Statistic(2 * values, 0.1)], np.zeros(1_000, np.bool_), 0.01).sum() == 10


@given(st.integers(0, 99))
def test_statistics_together_and_what_is_flagged_already_stay_within_the_rate(seed: int) -> None:
    rng = np.random.default_rng(seed)
    beside = np.arange(2_000) < 8
    statistics = [Statistic(rng.exponential(size=2_000), 0.1) for _ in range(2)]
    assert (flagged(statistics, beside, 0.01) | beside).mean() <= 0.01


def test_where_a_rate_cannot_be_counted_each_statistic_gets_its_part_of_half_of_it() -> None:
    statistics = [Statistic(np.arange(100.0), 0.1)] * 2
    assert [c.rate for c in calibrate_together(statistics, np.zeros(100, np.bool_), 0.001)] == [0.00025, 0.00025]
