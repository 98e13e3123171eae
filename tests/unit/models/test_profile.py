import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.profile import Neighbours, counts

LINES = st.lists(st.integers(0, 3), min_size=1, max_size=30)


def neighbours() -> Neighbours:
    return Neighbours([counts([0, 1, 1, 2], 4), counts([0, 3], 4)], np.ones(4, np.float32))


def test_a_known_profile_has_no_distance_whatever_its_order() -> None:
    assert neighbours().nearest(counts([1, 2, 1, 0], 4)).distance == 0.0


def test_what_is_missing_does_not_count_against_an_unfinished_sequence() -> None:
    assert neighbours().nearest(counts([0, 1], 4)).distance > 0
    assert neighbours().nearest(counts([0, 1], 4), complete=False).distance == 0.0


@given(LINES)
def test_an_unfinished_sequence_is_never_farther_than_the_same_one_finished(lines: list[int]) -> None:
    profile = counts(lines, 4)
    near = neighbours()
    assert near.nearest(profile, complete=False).distance <= near.nearest(profile).distance <= 1.0
