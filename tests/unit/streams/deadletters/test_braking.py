from deepsentry import topics
from deepsentry.events import Rejected
from streams.deadletters.braking import useless
from streams.deadletters.replay import MARK
from streams.sanitizing.sanitize import Located
from streams.shippers import Record


def batch(offset: int, elements: int, *rejected: int, mark: str = "") -> list[tuple[Located, Rejected]]:
    headers = ((MARK, mark.encode()),) if mark else ()
    where = Located(Record(b"[...]", None, headers, 1000.0, topics.RAW.name), 2, offset)
    return [(where, Rejected("empty", "", index, elements)) for index in rejected]


def test_a_batch_counts_where_nothing_in_it_can_be_used() -> None:
    half = batch(41, 3, 0, 1)
    assert useless(half) == 0
    assert useless([*half, *batch(41, 3, 2), *batch(42, 1, 0)]) == 2


def test_a_replay_in_vain_does_not_hold_the_partition_of_those_who_wait() -> None:
    assert useless([*batch(41, 1, 0, mark="deepsentry.logs.rejected.v1-3-1045"), *batch(42, 1, 0)]) == 1
