from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.evaluation.faulty import FAULTS, Ordinary

SEQUENCES = st.lists(st.integers(0, 9), min_size=1, max_size=60).map(tuple)


@given(SEQUENCES, st.integers(0, 99))
def test_faults_of_order_leave_the_counts_as_they_are(templates: tuple[int, ...], seed: int) -> None:
    for name in ("moved", "reversed", "shuffled"):
        broken = FAULTS[name](templates, np.random.default_rng(seed))
        assert Counter(broken) == Counter(templates)


@given(SEQUENCES, st.integers(0, 99))
def test_faults_of_number_say_what_they_do(templates: tuple[int, ...], seed: int) -> None:
    rng = np.random.default_rng(seed)
    assert len(FAULTS["repeated"](templates, rng)) == len(templates) + 5
    assert len(FAULTS["dropped"](templates, rng)) == max(len(templates) - 3, 1)
    assert len(FAULTS["foreign"](templates, rng)) == len(templates) + 1
    short = FAULTS["cut short"](templates, rng)
    assert 1 <= len(short) <= max(1, len(templates) * 2 / 3)
    assert short == templates[: len(short)]


def test_a_moved_event_goes_seven_places_or_more() -> None:
    templates = tuple(range(30))
    for seed in range(50):
        broken = FAULTS["moved"](templates, np.random.default_rng(seed))
        assert max(abs(broken.index(t) - t) for t in templates) >= 7


def test_a_fault_that_leaves_a_training_sequence_is_told_from_one_that_any_pair_betrays() -> None:
    ordinary = Ordinary([(0, 1, 2), (1, 0, 2), (0, 1, 2, 3), (1, 2, 3)])
    assert ordinary.identical((1, 0, 2))
    assert not ordinary.identical((1, 0, 2, 3))
    assert ordinary.pairwise((1, 0, 2, 3))
    assert not ordinary.pairwise((2, 0, 1))
