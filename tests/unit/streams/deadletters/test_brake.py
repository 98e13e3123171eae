from hypothesis import given
from hypothesis import strategies as st

from deepsentry.sections import Ingest
from streams.deadletters.brake import Brake

JUNK = Ingest(brake_ratio=0.5, brake_records=1000)


def test_a_bad_release_trips_it_as_soon_as_there_are_enough_records() -> None:
    brake = Brake(JUNK)
    assert [brake.take(100, 100) for _ in range(10)] == [False] * 9 + [True]


def test_junk_on_a_topic_with_few_records_does_not_trip_it() -> None:
    assert not Brake(JUNK).take(999, 999)


def test_just_half_is_not_more_than_half() -> None:
    assert not Brake(JUNK).take(2000, 1000)
    assert Brake(JUNK).take(2000, 1001)


def test_a_million_good_records_before_do_not_outweigh_the_newest() -> None:
    brake = Brake(JUNK)
    brake.take(1_000_000, 0)
    assert [brake.take(100, 100) for _ in range(11)][-1]


def test_what_was_bad_long_ago_does_not_count() -> None:
    brake = Brake(JUNK)
    brake.take(400, 400)
    assert not any(brake.take(100, 0) for _ in range(10))
    assert (brake.records, brake.rejected) == (1000, 0)


def test_a_ratio_of_one_never_trips() -> None:
    assert not Brake(Ingest(brake_ratio=1)).take(10**9, 10**9)


CHUNKS = st.lists(st.integers(1, 400).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))), max_size=30)


@given(CHUNKS, st.integers(1, 1000))
def test_it_counts_the_newest_chunks_that_have_enough_records_and_no_older_one(
    chunks: list[tuple[int, int]], most: int
) -> None:
    brake = Brake(Ingest(brake_records=most))
    for place, (records, rejected) in enumerate(chunks):
        tripped = brake.take(records, rejected)
        newest: list[tuple[int, int]] = []
        for chunk in reversed(chunks[: place + 1]):
            if sum(n for n, _ in newest) >= most:
                break
            newest.append(chunk)
        total, bad = sum(n for n, _ in newest), sum(n for _, n in newest)
        assert (brake.records, brake.rejected) == (total, bad)
        assert tripped == (total >= most and bad > 0.5 * total)
