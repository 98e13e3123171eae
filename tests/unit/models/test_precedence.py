import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.precedence import MAX_EVENTS, OCCURRENCES, Precedence, events

SEQUENCES = st.lists(st.integers(-1, 5), max_size=30).map(tuple)


def test_an_order_that_no_session_had_strains_the_more_the_more_sessions_had_the_other() -> None:
    few, many = Precedence.of({(0, 1): 20}), Precedence.of({(0, 1): 2_000})
    assert few.strain((0, 1)) < 0.01
    assert 4 < few.strain((1, 0)) < many.strain((1, 0))


def test_one_session_that_had_it_takes_back_most_of_the_strain() -> None:
    assert Precedence.of({(0, 1): 2_000, (1, 0): 1}).strain((1, 0)) < Precedence.of({(0, 1): 200}).strain((1, 0))


def test_lines_of_one_statement_are_told_apart_by_their_number() -> None:
    counted = Precedence.of({(0, 1, 0, 1): 1_000})
    assert counted.strain((0, 1, 0, 1)) < 0.01
    assert counted.strain((0, 0, 1, 1)) > 7


def test_what_repeats_without_end_is_told_apart_only_at_first() -> None:
    assert len(events((7,) * 100)) == OCCURRENCES


def test_a_training_session_is_judged_by_the_others() -> None:
    counted = Precedence.of({(0, 1): 1_000, (1, 0): 1})
    alone = Precedence.of({(0, 1): 1_000})
    assert counted.strain_among_others((1, 0)) == pytest.approx(alone.strain((1, 0)))


@given(st.lists(SEQUENCES, min_size=1, max_size=5), SEQUENCES)
def test_an_unfinished_session_is_never_stranger_than_the_same_one_finished(
    counted: list[tuple[int, ...]], templates: tuple[int, ...]
) -> None:
    found = Precedence.of(dict.fromkeys(counted, 3))
    strains = [found.strain(templates[:length]) for length in range(len(templates) + 1)]
    assert strains == sorted(strains)


@given(SEQUENCES, SEQUENCES)
def test_a_disorder_names_two_lines_wherever_the_strain_is_too_great(
    counted: tuple[int, ...], templates: tuple[int, ...]
) -> None:
    found = Precedence.of({counted: 500})
    disorder = found.disorder(templates, 5.0)
    assert (disorder is not None) == (found.strain(templates) > 5.0)
    if disorder is not None:
        assert disorder.line != disorder.other
        assert (disorder.sessions, disorder.otherwise) == (500, 500)


def test_the_line_that_is_out_of_place_is_named_and_not_one_that_it_passed() -> None:
    disorder = Precedence.of({(0, 1, 2, 3, 4): 1_000}).disorder((0, 4, 1, 2, 3), 5.0)
    assert disorder is not None
    assert disorder.line == 1


def test_statements_that_were_not_counted_have_no_order() -> None:
    assert Precedence.of({(0, 1): 1_000}).strain((9, 1, -1, 0, 9)) == Precedence.of({(0, 1): 1_000}).strain((1, 0))


def test_the_table_is_bounded_whatever_the_number_of_statements() -> None:
    assert Precedence.of({tuple(range(3_000)): 2}).before.shape == (MAX_EVENTS, MAX_EVENTS)


def test_without_sessions_nothing_is_strange() -> None:
    empty = Precedence((), np.zeros((0, 0), np.int32))
    assert empty.strain((0, 1)) == 0.0
    assert empty.disorder((0, 1), 1.0) is None
