from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from deepsentry import wire
from deepsentry.events import Anomaly, CleanEntry, Position
from deepsentry.sections import Sequences
from streams.scoring.score import Scorer
from streams.scoring.texts import CleanRecord
from streams.windowing.clock import Clock
from streams.windowing.marks import HEADER, KNOWN, LEAP, REMEMBERED, Marks, reached
from streams.windowing.resume import Resume
from tests.builders import clean
from tests.unit.streams.scoring.words import Words

RAW = "deepsentry.logs.raw.v1"
PARTITIONS = 3
AGREE = 3
"""Lines that have to agree before anything is believed."""
AWAKE = float("-inf")


SOURCE = f"{RAW}/0"


def steady(count: int, start: float = 100.0) -> list[float]:
    return [start + n for n in range(count)]


def mark(marks: Marks) -> dict[str, int]:
    found = reached(marks.headers()) or {}
    assert all(time < round(time) for time in found.values())
    return {name: round(time) for name, time in found.items()}


def test_a_partition_has_all_before_its_newest_line_once_it_is_known_how_late_its_lines_come() -> None:
    marks = Marks()
    marks.add(SOURCE, steady(KNOWN - 1))
    assert not marks.headers()
    marks.add(SOURCE, [100.0 + KNOWN])
    marks.add(f"{RAW}/1", steady(KNOWN, start=50.0))
    assert mark(marks) == {SOURCE: 100 + KNOWN, f"{RAW}/1": 50 + KNOWN - 1}


def test_where_lines_come_late_a_mark_stays_behind_by_the_latest_of_the_last_ones() -> None:
    marks = Marks()
    marks.add(SOURCE, [*steady(KNOWN), 100.0 + KNOWN - 4])
    assert mark(marks) == {SOURCE: 100 + KNOWN - 4}
    marks.add(SOURCE, steady(REMEMBERED, start=200.0))
    assert mark(marks) == {SOURCE: 200 + REMEMBERED - 4}
    marks.add(SOURCE, steady(REMEMBERED, start=200.0 + REMEMBERED))
    marks.add(SOURCE, [200.0 + 2 * REMEMBERED])
    assert mark(marks) == {SOURCE: 200 + 2 * REMEMBERED}


@pytest.mark.parametrize("wrong", [9e9, -9e9, 0.0])
def test_one_wrong_date_moves_nothing(wrong: float) -> None:
    marks = Marks()
    marks.add(SOURCE, [*steady(KNOWN), wrong])
    assert mark(marks) == {SOURCE: 100 + KNOWN - 1}


def test_what_three_lines_agree_on_is_believed_and_time_never_goes_back() -> None:
    marks = Marks()
    marks.add(SOURCE, [*steady(KNOWN), 9000.0, 9001.0])
    assert mark(marks) == {SOURCE: 100 + KNOWN - 1}
    marks.add(SOURCE, [9002.0])
    assert mark(marks) == {SOURCE: 9000}
    marks.add(SOURCE, steady(KNOWN))
    assert mark(marks) == {SOURCE: 9000}


def test_partitions_that_were_given_out_again_are_not_told_of() -> None:
    marks = Marks()
    marks.add(SOURCE, steady(KNOWN))
    marks.forget()
    assert not marks.headers()


late = st.lists(st.tuples(st.floats(0.0, 2.0), st.floats(0.0, LEAP)), min_size=KNOWN, max_size=3 * KNOWN)


@given(late, st.integers(1, 40))
def test_no_line_lies_before_a_mark_that_is_not_later_than_those_before_it(
    log: list[tuple[float, float]], chunk: int
) -> None:
    marks, time, times = Marks(), 1000.0, [1000.0] * AGREE
    marks.add(SOURCE, times)
    for pause, behind in log:
        time += pause
        times.append(time - behind)
    worst = 0.0
    for begin in range(AGREE, len(times), chunk):
        said = (reached(marks.headers()) or {}).get(SOURCE, AWAKE)
        foremost = max(times[:begin], default=AWAKE)
        for each in times[begin : begin + chunk]:
            if foremost - each <= worst:
                assert each > said
            foremost = max(foremost, each)
            worst = max(worst, foremost - each)
        marks.add(SOURCE, times[begin : begin + chunk])


@given(st.binary(max_size=80))
def test_what_another_program_left_in_the_header_is_no_mark(value: bytes) -> None:
    assert reached([("traceparent", b"00"), (HEADER, value)]) is None


@given(st.sampled_from([1e300, -1e300, 253_402_300_800]))
def test_a_time_that_no_line_can_have_is_no_mark(time: float) -> None:
    assert reached([(HEADER, wire.encode({"reached": {"raw/0": time}}))]) is None


def test_a_mark_that_repeats_itself_wakes_no_stream_up() -> None:
    clock = Clock(10.0, {})
    clock.advance({"raw/0": 100.0}, 0.0)
    for tenth in range(1, 40):
        clock.advance({"raw/0": 100.0 - tenth / 10}, tenth / 10)
    clock.advance({"raw/0": 101.0}, 4.0)
    assert clock.reached == AWAKE


def test_a_mark_moves_the_time_of_a_source_and_one_that_never_came_is_waited_for() -> None:
    clock = Clock(10.0, {}, AWAKE)
    clock.tick("raw/1", 0, 0, 90.0, 0.0)
    clock.tick("raw/0", 0, 0, 100.0, 0.0)
    clock.advance({"raw/1": 105.0, "raw/2": 95.0}, 0.1)
    assert (clock.reached, clock.leading) == (95.0, 105.0)
    clock.advance({"raw/0": 99.0, "raw/2": 101.0}, 0.2)
    assert clock.reached == 100.0
    assert clock.tick("raw/2", 0, 0, 101.0, 0.3)


def test_time_stands_still_while_the_stream_wakes_up_whatever_marks_say() -> None:
    clock = Clock(10.0, {})
    clock.advance({"raw/0": 100.0}, 0.0)
    clock.advance({"raw/0": 105.0}, 0.5)
    assert clock.reached == AWAKE


def test_a_mark_that_says_nothing_new_keeps_no_silent_source_speaking() -> None:
    clock = Clock(10.0, {}, AWAKE)
    clock.tick("raw/0", 0, 0, 100.0, 0.0)
    clock.tick("raw/1", 0, 0, 90.0, 0.0)
    for second in range(1, 12):
        clock.advance({"raw/1": 90.0}, float(second))
        clock.tick("raw/0", second, 0, 100.0 + second, float(second))
    assert clock.reached == 111.0


def test_a_new_statement_is_told_without_a_later_line_of_each_partition() -> None:
    scorer = Scorer("clean", lambda: datetime(2025, 1, 1, tzinfo=UTC))
    scorer.detector = Words()
    windows = scorer.open(Sequences(idle=10.0))
    first = [line(n, n, f"req-{n}", "open", 1000.0) for n in range(PARTITIONS)]
    later = [line(n, 0, "req-0", "open", 1000.0 + n) for n in range(PARTITIONS, 9)]
    assert not scorer.score(0, windows, [*first, *later]).anomalies
    new = line(9, 0, "req-0", "something new", 1009.0)
    assert not scorer.score(0, windows, [new]).anomalies
    marked = line(10, 0, "req-9", "open", 1009.5, {f"{RAW}/{n}": 1009.2 for n in range(PARTITIONS)})
    [anomaly] = scorer.score(0, windows, [marked]).anomalies
    assert anomaly.sequence == "req-0"


def line(
    offset: int, partition: int, sequence: str, message: str, time: float, mark: dict[str, float] | None = None
) -> CleanRecord:
    raw = Position(RAW, partition, offset)
    entry = clean(offset, sequence=sequence, kind="session", message=message, timestamp=time, raw=raw)
    return CleanRecord(offset, time - 1000.0, wire.encode(entry), mark)


words = st.sampled_from(["open", "close", "new"])
logs = st.lists(st.tuples(words, st.sampled_from("abc"), st.floats(0.001, 3.0)), min_size=12, max_size=40)
reads = st.lists(st.tuples(st.integers(0, PARTITIONS - 1), st.integers(1, 4)), min_size=4, max_size=20)
EVERYWHERE = [next(k for k in map(str, range(99)) if crc32(k.encode()) % PARTITIONS == p) for p in range(PARTITIONS)]
"""Sequences, one in each partition of the clean topic."""


@given(logs, reads)
def test_with_marks_an_anomaly_does_not_depend_on_which_partition_is_read_how_far(
    log: list[tuple[str, str, float]], order: list[tuple[int, int]]
) -> None:
    entries, time = [], 1000.0
    first = [("open", EVERYWHERE[n % PARTITIONS], 0.0) for n in range(KNOWN * PARTITIONS)]
    for number, (message, sequence, pause) in enumerate(first + log):
        time += pause
        raw = Position(RAW, (number // PARTITIONS if number < len(first) else number) % PARTITIONS, number)
        entries.append(clean(number, sequence=sequence, kind="session", message=message, timestamp=time, raw=raw))
    batches = [entries[: len(first)]]
    left = {raw: [e for e in entries[len(first) :] if e.raw.partition == raw] for raw in range(PARTITIONS)}
    for raw, count in order:
        batches.append(left[raw][:count])
        del left[raw][:count]
    whole = judged(published([entries]))
    assert judged(published([*batches, *left.values()])) == whole


def published(batches: Iterable[list[CleanEntry]]) -> dict[int, list[CleanRecord]]:
    """Publish entries as a sanitizer does, a batch after the other."""
    marks = Marks()
    found: dict[int, list[CleanRecord]] = defaultdict(list)
    for number, batch in enumerate(batches):
        places: dict[int, list[CleanEntry]] = defaultdict(list)
        for entry in batch:
            marks.add(f"{RAW}/{entry.raw.partition}", [entry.timestamp])
            places[crc32(entry.sequence.encode()) % PARTITIONS].append(entry)
        for place, mine in places.items():
            records = found[place]
            records += [CleanRecord(len(records) + n, 0.1 * number, wire.encode(e)) for n, e in enumerate(mine)]
            records[-1] = structs.replace(records[-1], reached=reached(marks.headers()))
    return found


def judged(partitions: dict[int, list[CleanRecord]]) -> set[str]:
    """Return the ids of anomalies, of a stream that is awake; no session ends by silence."""
    scorer = Scorer("clean", lambda: datetime(2025, 1, 1, tzinfo=UTC))
    scorer.detector = Words()
    found: list[Anomaly] = []
    for partition, records in partitions.items():
        windows = scorer.open(Sequences(idle=600.0), Resume(0, awake=AWAKE))
        found += scorer.score(partition, windows, records).anomalies
        found += scorer.flush(partition, windows).anomalies
    return {anomaly.id for anomaly in found}
