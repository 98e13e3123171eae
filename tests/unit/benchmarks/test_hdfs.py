from benchmarks.hdfs import split
from deepsentry.bench.lines import Line


def line(time: float, text: str) -> Line:
    return Line(time, "hdfs-1", "/var/log/hdfs.log", text)


def test_sessions_are_split_by_their_first_line_and_stay_whole() -> None:
    lines = [line(1, "open blk_1"), line(2, "open blk_-2"), line(3, "close blk_1"), line(4, "close blk_-2")]
    parts = split(lines)
    assert [each.text for each in parts.first] == ["open blk_1", "close blk_1"]
    assert [each.text for each in parts.second] == ["open blk_-2", "close blk_-2"]
    assert parts.test == ("blk_-2",)


def test_lines_without_a_session_belong_to_neither_part() -> None:
    parts = split([line(1, "start"), line(2, "open blk_1"), line(3, "open blk_2")])
    assert [each.text for each in (*parts.first, *parts.second)] == ["open blk_1", "open blk_2"]
