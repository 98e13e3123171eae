import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.calibration import allowed_rate, calibrate


def test_the_budget_becomes_a_share_of_the_sequences_of_a_day() -> None:
    assert allowed_rate(10.0, 1000, 43_200.0) == 10.0 / 2000.0


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


def test_a_few_values_beyond_a_gap_are_left_out_where_anomalies_may_be_among_them() -> None:
    values = [*np.linspace(0.1, 1.0, 1000).tolist(), 8.0, 9.0]
    assert calibrate(values, 0.0005, 0.01, may_hold_anomalies=True).greatest == 1.0
    assert calibrate(values, 0.0005, 0.01).greatest == 9.0


def test_many_values_beyond_a_gap_are_normal() -> None:
    values = [0.1] * 900 + [5.0] * 100
    assert calibrate(values, 0.001, 0.01, may_hold_anomalies=True).greatest == 5.0
