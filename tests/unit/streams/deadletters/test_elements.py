from hypothesis import given
from hypothesis import strategies as st

from streams.deadletters import elements
from streams.shippers.record import MAX_BATCH


@given(st.sets(st.integers(0, MAX_BATCH), min_size=1, max_size=300))
def test_elements_read_back_as_they_were_written(which: set[int]) -> None:
    assert elements.from_text(elements.to_text(which)) == which


def test_neighbours_are_a_range() -> None:
    assert elements.to_text([7, 1, 3, 4, 5]) == "1,3-5,7"


def test_the_elements_of_the_longest_batch_are_short_enough_to_be_read() -> None:
    assert len(elements.to_text(range(0, MAX_BATCH + 1, 2))) < elements.LONGEST


@given(st.text("0123456789,-+ x\u0663", max_size=40) | st.text(max_size=40))
def test_whatever_stands_there_is_read_as_elements_of_a_batch_or_as_none(text: str) -> None:
    found = elements.from_text(text)
    assert found is None or (found and max(found) <= MAX_BATCH)


def test_what_is_longer_than_any_batch_needs_is_not_read() -> None:
    assert elements.from_text("1," * elements.LONGEST + "1") is None
    assert elements.from_text(f"0-{MAX_BATCH + 1}") is None
