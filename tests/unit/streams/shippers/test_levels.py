"""Levels, wherever they are said."""

import pytest

from deepsentry.events import Level
from streams.shippers import levels


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("081109 203615 148 INFO dfs.DataNode: x", "info"),
        ("[Sun Dec 04 04:47:44 2005] [error] mod_jk child init", "error"),
        ("2015-07-29 17:41:44,747 - WARN  [Queue] - x", "warn"),
        ("- 1117838570 2005.06.03 R02 2005-06-03-15.42.50.675872 R02 RAS KERNEL FATAL x", "fatal"),
        ("2016-09-28 04:30:30, Info                  CBS    x", "info"),
        ('time=2025-01-02 level=warning msg="slow"', "warn"),
        ("error: cannot open file", "error"),
        ("there was no error in the informal notice", ""),
        ("Fine weather", ""),
        ("kernel: Call Trace: <ffffffff8010>", ""),
        ("GET / HTTP/1.1", ""),
        ("", ""),
    ],
)
def test_the_level_is_read_where_a_line_marks_one(message: str, expected: Level) -> None:
    assert levels.from_message(message) == expected


def test_syslog_severities_map_as_opentelemetry_maps_them() -> None:
    assert [levels.from_syslog(n) for n in range(-1, 9)] == [
        "", "fatal", "error", "error", "error", "warn", "info", "info", "debug", "",
    ]  # fmt: skip


def test_otlp_numbers_come_four_to_a_level() -> None:
    assert [levels.from_otlp(n) for n in (0, 1, 4, 5, 12, 13, 20, 24, 25)] == [
        "", "trace", "trace", "debug", "info", "warn", "error", "fatal", "",
    ]  # fmt: skip


def test_a_number_of_an_unknown_scale_says_nothing() -> None:
    assert [levels.from_application(n) for n in (30, 3, 200, 35)] == ["info", "", "", ""]
