import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.evaluation.figures import Figures, Judged, mean


def judged(*rows: tuple[float, bool, int]) -> Judged:
    """Rows of score, anomalous, times; ten lines each."""
    score, true, times = zip(*rows, strict=True)
    return Judged(np.array(score), np.array(true), np.array(times, np.float64), np.full(len(rows), 10.0))


def test_figures_count_every_occurrence_and_the_distinct_f1_each_sequence_once() -> None:
    found = Figures.of(judged((2.0, True, 6), (2.0, False, 2), (0.5, True, 2), (0.1, False, 90)))
    assert (found.precision, found.recall, found.f1) == (0.75, 0.75, 0.75)
    assert found.f1_distinct == 0.5
    assert found.fpr == 2 / 92
    assert found.alerts_per_million_lines == 8 / 1000 * 1e6


def test_average_precision_is_one_where_every_anomaly_scores_higher() -> None:
    assert Figures.of(judged((0.9, True, 3), (0.8, False, 5))).pr_auc == 1.0


def test_sequences_of_one_score_are_one_threshold() -> None:
    assert Figures.of(judged((0.5, True, 1), (0.5, False, 3))).pr_auc == 0.25


def test_the_worst_seed_is_told_beside_the_mean() -> None:
    good, bad = Figures.of(judged((2.0, True, 1), (0.0, False, 1))), Figures.of(judged((0.0, True, 1), (0.0, False, 1)))
    assert mean([good, bad])["f1"] == 0.5
    assert mean([good, bad])["worst_f1"] == 0.0


@given(st.lists(st.tuples(st.floats(0, 9), st.booleans(), st.integers(1, 5)), min_size=1))
def test_every_share_lies_between_0_and_1(rows: list[tuple[float, bool, int]]) -> None:
    found = Figures.of(judged(*rows))
    assert all(0 <= share <= 1 + 1e-9 for name, share in found.rounded().items() if "million" not in name)
