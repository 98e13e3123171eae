"""Event times, wherever they stand."""

import gzip
import os
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepsentry.events import Entry
from deepsentry.sections import Ingest
from streams.shippers import Record, create_decoder
from streams.shippers.times import find_time, from_number, from_value

REFERENCE = datetime(2025, 1, 2, 2, 4, 6, tzinfo=UTC).timestamp()
DATASETS = (
    *("Android", "Apache", "BGL", "HDFS", "HPC", "Hadoop", "HealthApp", "Linux"),
    *("Mac", "OpenSSH", "OpenStack", "Proxifier", "Spark", "Thunderbird", "Windows", "Zookeeper"),
)
BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("2025-01-02 02:04:05,678 INFO x", "2025-01-02T02:04:05.678Z"),
        ("2025-01-02T03:04:05.678901+01:00 x", "2025-01-02T02:04:05.678901Z"),
        ("2025/01/02 02:04:05 [error] 7#7: x", "2025-01-02T02:04:05Z"),
        ("[2025-01-02 02:04:05] x", "2025-01-02T02:04:05Z"),
        ("2016-09-28 04:30:30, Info  CBS x", "2016-09-28T04:30:30Z"),
        ("081109 203530 143 INFO dfs.DataNode: x", "2008-11-09T20:35:30Z"),
        ("2005-06-03-15.42.50.363779 R02 x", "2005-06-03T15:42:50.363779Z"),
        ("17/06/09 20:10:52 INFO x", "2017-06-09T20:10:52Z"),
        ("[Sun Dec 04 05:04:03 2005] [error] x", "2005-12-04T05:04:03Z"),
        ("Dec 10 07:28:37 LabSZ sshd[1]: x", "2024-12-10T07:28:37Z"),
        ("Jan  2 07:28:37 web-1 sshd[1]: x", "2025-01-02T07:28:37Z"),
        ('192.0.2.1 - - [02/Jan/2025:03:03:58 +0100] "GET /" 200', "2025-01-02T02:03:58Z"),
        ("1735783445 x", "2025-01-02T02:04:05Z"),
        ("1735783445.678 x", "2025-01-02T02:04:05.678Z"),
        ("1735783445678 x", "2025-01-02T02:04:05.678Z"),
        ("12-17 16:13:38.811  1702  2395 D Window: x", "2024-12-17T16:13:38.811Z"),
        ("20171223-22:15:29:606|Step_LSC|30002312|x", "2017-12-23T22:15:29.606Z"),
        ("20171224-1:2:35:789|Step_LSC|30002312|x", "2017-12-24T01:02:35.789Z"),
        ("[10.30 16:49:06] chrome.exe x", "2024-10-30T16:49:06Z"),
        ("- 1117838570 2005.06.03 R02 2005-06-03-15.42.50.363779 R02 RAS x", "2005-06-03T22:42:50Z"),
        ("134681 node-246 unix.hw state 1077804742 1 x", "2004-02-26T14:12:22Z"),
        ("nova-api.log 2017-05-16 00:00:00.008 25746 INFO x", "2017-05-16T00:00:00.008Z"),
    ],
)
def test_the_time_at_the_head_of_a_line_is_found(line: str, expected: str) -> None:
    assert find_time(line, REFERENCE, UTC) == pytest.approx(at(expected), abs=1e-6)


@pytest.mark.parametrize(
    "line",
    [
        "ERROR disk full",
        "user 1117838570 logged in",
        "192.0.2.1 connected",
        "2025-13-02 02:04:05 x",
        "Feb 30 02:04:05 web-1 x",
        "123456",
        "[",
        "[]",
        " ",
        "",
    ],
)
def test_where_no_time_stands_none_is_found(line: str) -> None:
    assert find_time(line, REFERENCE, UTC) is None


@given(st.text(alphabet="0123456789-/.:,[] TZ+JanSu", max_size=40), st.floats())
def test_whatever_a_line_begins_with_finding_a_time_ends_in_one_or_none(line: str, reference: float) -> None:
    found = find_time(line, reference, BERLIN)

    assert found is None or found > 0


@given(st.datetimes(datetime(2024, 1, 4), datetime(2025, 1, 2)))  # noqa: DTZ001 - hypothesis wants naive bounds
def test_a_time_without_a_year_is_the_last_such_before_the_record(moment: datetime) -> None:
    moment = moment.replace(microsecond=0, tzinfo=UTC)

    assert find_time(f"{moment:%b %d %H:%M:%S} web-1 x", REFERENCE, UTC) == moment.timestamp()


def test_at_new_year_a_line_of_the_next_hour_is_in_the_new_year() -> None:
    reference = at("2024-12-31T23:59:59Z")

    assert find_time("Jan  1 00:30:00 web-1 x", reference, UTC) == at("2025-01-01T00:30:00Z")


def test_a_29_february_is_in_a_leap_year() -> None:
    assert find_time("Feb 29 12:00:00 web-1 x", at("2027-03-01T00:00:00Z"), UTC) == at("2024-02-29T12:00:00Z")


def test_a_naive_time_is_in_the_configured_zone() -> None:
    assert find_time("2025-07-02 12:00:00 x", REFERENCE, BERLIN) == at("2025-07-02T10:00:00Z")
    assert from_value("2025-01-02T12:00:00", REFERENCE, BERLIN) == at("2025-01-02T11:00:00Z")


@pytest.mark.parametrize("number", [1735783445.5, 1735783445500, 1735783445500000, 1735783445500000000])
def test_the_size_of_a_number_tells_its_unit(number: float) -> None:
    assert from_number(number) == 1735783445.5
    assert from_value(str(number), REFERENCE, UTC) == 1735783445.5


@pytest.mark.parametrize("value", [0, -1, 35, 0.25, float("nan"), float("inf"), True, None, [], "soon", "x" * 65, "-"])
def test_what_is_no_time_is_none(value: object) -> None:
    assert from_value(value, REFERENCE, UTC) is None


def decoded(value: bytes, timestamp: float) -> Entry:
    (found,) = create_decoder(Ingest())(Record(value, None, (), timestamp, "t"))
    assert isinstance(found, Entry)
    return found


def test_a_clock_that_runs_more_than_a_day_ahead_is_not_believed() -> None:
    found = decoded(b'{"@timestamp":"2025-01-03T03:04:05Z","message":"m"}', REFERENCE)

    assert (found.timestamp, found.time_source, found.flags) == (REFERENCE, "kafka", ("clock_skew",))


def test_an_old_time_is_believed_for_archives_are_replayed() -> None:
    found = decoded(b"081109 203530 143 INFO dfs.DataNode: x", REFERENCE)

    assert (found.timestamp, found.time_source, found.flags) == (at("2008-11-09T20:35:30Z"), "message", ())


@pytest.mark.parametrize("timestamp", [0.0, -0.001, float("nan"), float("inf")])
def test_a_record_without_a_time_of_its_own_is_no_clock_to_compare_with(timestamp: float) -> None:
    assert decoded(b'{"@timestamp":"2025-01-03T03:04:05Z","message":"m"}', timestamp).flags == ()
    assert decoded(b"m", timestamp).timestamp == 0.0


@pytest.mark.skipif("DEEPSENTRY_DATA" not in os.environ, reason="DEEPSENTRY_DATA names no folder of data sets")
@pytest.mark.parametrize("name", DATASETS)
def test_real_lines_get_their_times_in_the_order_of_the_file(name: str) -> None:
    path = Path(os.environ["DEEPSENTRY_DATA"], "loghub_2k", f"{name}_2k.log.gz")
    lines = gzip.decompress(path.read_bytes()).decode("utf-8", "backslashreplace").splitlines()

    found = [find_time(line, at("2026-08-01T00:00:00Z"), UTC) for line in lines]

    times = [seconds for seconds in found if seconds is not None]
    assert len(times) == len(lines)
    backwards = sum(later < earlier - 1 for earlier, later in pairwise(times))
    # HPC's file is itself sorted by node, and a few lines of the others were written late
    assert name == "HPC" or backwards <= 10
