from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepsentry.shapes import distance, moved, places

LINES = st.lists(st.sampled_from("abcd"), max_size=12)


@given(LINES, LINES)
def test_both_measures_are_the_same_from_either_side_and_from_nothing_to_all(one: list[str], other: list[str]) -> None:
    for measure, (x, y) in (
        (distance, (Counter(one), Counter(other))),
        (moved, (places(one), places(other))),
    ):
        assert measure(x, y) == pytest.approx(measure(y, x))
        assert 0 <= measure(x, y) <= 1
        assert measure(x, x) == 0


@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=12))
def test_what_one_has_and_the_other_has_not_is_a_distance(lines: list[str]) -> None:
    assert distance(Counter(lines), Counter([*lines, "x"])) > 0
    assert distance(Counter(lines), Counter("x")) == 1


def test_a_line_that_moved_is_measured_by_the_whole_sequence() -> None:
    assert moved(places("abcde"), places("bcdea")) == 1
    assert moved(places("abcde"), places("abced")) == 0.25
    assert moved(places("abcdefghi"), places("abcdefghi")) == 0


def test_the_beginning_of_a_sequence_has_its_lines_where_the_whole_has_them() -> None:
    assert moved(places("abc"), places("abcdefg")) == 0


def test_a_run_that_is_longer_counts_by_its_logarithm() -> None:
    short, long = Counter("a" * 100), Counter("a" * 103)
    assert distance(short, long) < 0.01 < distance(Counter("a"), Counter("aa"))
