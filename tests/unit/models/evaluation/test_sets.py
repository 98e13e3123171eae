import pytest

from deepsentry.errors import DataError
from models.evaluation.sets import LabelledLine, chronological, gather, logdeep


def line(key: str, at: float, *, marked: bool = False) -> LabelledLine:
    return LabelledLine(key, "session", at, f"{key} says {at}", marked)


def test_sessions_are_whole_and_in_order_of_their_first_line() -> None:
    found = gather([line("a", 0), line("b", 1), line("a", 9)], 2, {"b": True})
    assert [(f.sequence.key, len(f.sequence.messages), f.anomalous) for f in found] == [("a", 2, False), ("b", 1, True)]


def test_a_window_is_anomalous_where_one_of_its_lines_is_marked() -> None:
    lines = [LabelledLine("log", "window", float(i), "x", i == 3) for i in range(7)]
    assert [(len(f.sequence.messages), f.anomalous, f.marked) for f in gather(lines, 3)] == [
        (3, False, ()),
        (3, True, (3.0,)),
        (1, False, ()),
    ]


@pytest.mark.parametrize(("contaminated", "training"), [(False, 5), (True, 6)])
def test_the_first_part_trains_and_the_rest_is_judged(training: int, contaminated: bool) -> None:  # noqa: FBT001
    found = gather([line(f"k{i}", float(i)) for i in range(10)], 1, {"k2": True, "k8": True})
    benchmark = chronological(
        "own", found, train_share=0.5, validation_share=0.1, contaminated=contaminated, rate=0.001
    )
    assert len(benchmark.training) == training
    assert [t.anomalous for t in benchmark.test] == [False, False, True, False]
    assert benchmark.over == 9.0


def test_a_log_too_short_to_divide_is_refused() -> None:
    with pytest.raises(DataError, match="too few"):
        chronological("own", [], train_share=0.5, validation_share=0.1, contaminated=False)


def test_sessions_of_event_ids_are_counted_where_they_repeat() -> None:
    rows = [((1, 2), "train", False), ((1,), "test", False), ((1,), "test", False), ((1,), "test", True)]
    benchmark = logdeep(rows, {1: "one", 2: "two"})
    assert [(t.sequence.messages, t.anomalous, t.times) for t in benchmark.test] == [
        (("one",), False, 2),
        (("one",), True, 1),
    ]
