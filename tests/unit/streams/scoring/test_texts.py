from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from streams.scoring.texts import CleanRecord, Texts

SIZE = 1000
ROOM = 10 * 1100


def records(first: int, count: int) -> list[CleanRecord]:
    return [CleanRecord(n, 0.0, b"%d " % n + b"x" * SIZE) for n in range(first, first + count)]


def held(texts: Texts, partition: int, offsets: Sequence[int]) -> list[int]:
    return [offset for offset in offsets if texts.held(partition, offset) is not None]


def test_the_oldest_records_of_all_partitions_are_let_go_first() -> None:
    texts = Texts(most=ROOM)
    for first in range(0, 20, 4):
        texts.keep(0, records(first, 2))
        texts.keep(1, records(first, 2))
    assert held(texts, 0, range(20)) == [12, 13, 16, 17]
    assert held(texts, 1, range(20)) == [8, 9, 12, 13, 16, 17]


def test_what_is_not_held_is_read_again() -> None:
    asked: list[tuple[int, Sequence[int]]] = []

    def again(partition: int, offsets: Sequence[int]) -> dict[int, bytes]:
        asked.append((partition, offsets))
        return {3: b"three"}

    texts = Texts(again)
    texts.keep(7, records(10, 1))
    found = texts.find(7, [3, 4, 10])
    assert asked == [(7, [3, 4])]
    assert (found[3], sorted(found)) == (b"three", [3, 10])


def test_a_partition_that_came_back_is_held_from_where_it_is_replayed() -> None:
    texts = Texts()
    texts.keep(0, records(10, 5))
    texts.keep(0, records(4, 2))
    assert held(texts, 0, range(20)) == [4, 5]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4), st.integers(0, 3)), max_size=30))
def test_what_is_held_is_what_was_put_there(chunks: list[tuple[int, int, int]]) -> None:
    texts, ends = Texts(most=ROOM), dict.fromkeys(range(3), 0)
    put: dict[tuple[int, int], bytes] = {}
    for partition, count, gap in chunks:
        chunk = records(ends[partition] + gap, count)
        ends[partition] = chunk[-1].offset + 1
        texts.keep(partition, chunk)
        put.update(((partition, record.offset), record.value) for record in chunk)
    found = {
        (partition, offset): value
        for partition, end in ends.items()
        for offset in range(end)
        if (value := texts.held(partition, offset)) is not None
    }
    assert found.items() <= put.items()
    assert sum(len(value) for value in found.values()) <= ROOM
    if chunks and chunks[-1][1] < 4:
        assert (chunks[-1][0], ends[chunks[-1][0]] - 1) in found
