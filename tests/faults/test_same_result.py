"""Why a disturbed run can tell the same as an undisturbed one: what is judged does not follow when lines arrive."""

import pytest

from deepsentry import wire
from deepsentry.events import Position
from streams.scoring.strange import anomaly_id
from streams.scoring.texts import CleanRecord
from streams.windowing.clock import Clock
from tests.builders import clean
from tests.unit.streams.scoring.test_score import records, run, scorer
from tests.unit.streams.scoring.words import Words

RAW = "deepsentry.logs.raw.v1"


@pytest.mark.parametrize("apart", [0.0, 0.1, 2.0])
def test_a_long_session_is_judged_after_the_same_lines_however_fast_they_come(apart: float) -> None:
    detector = Words()
    lines = [CleanRecord(line.offset, apart * line.offset, line.value) for line in records(*["open"] * 40)]
    run(scorer(detector), [lines])
    assert [len(each.templates) for each in detector.judged] == [16, 32, 40]


@pytest.mark.parametrize("arrival", [(0, 1), (1, 0)])
def test_an_anomaly_has_the_id_of_its_first_line_also_where_that_came_last(arrival: tuple[int, int]) -> None:
    lines = [("open", 1000.0, Position(RAW, 0, 7)), ("new", 1001.0, Position(RAW, 1, 3))]
    came = [
        CleanRecord(
            offset, 0.5 * offset, wire.encode(clean(offset, message=message, timestamp=time, kind="session", raw=raw))
        )
        for offset, (message, time, raw) in enumerate(lines[place] for place in arrival)
    ]
    found, _ = run(scorer(Words()), [came])
    assert {anomaly.id for anomaly in found} == {anomaly_id(Position(RAW, 0, 7), "words")}


def test_after_a_silence_of_all_a_partition_that_comes_back_late_still_holds_its_sessions_open() -> None:
    clock = Clock(idle=20.0, sources={})
    clock.tick("raw/0", 0, 0, 1000.0, 0.0)
    clock.tick("raw/1", 0, 0, 1000.0, 0.0)
    for n in range(1, 8):
        clock.tick("raw/0", n, 0, 1000.0 + 10 * n, 100.0 + n)
    assert clock.reached <= 1000.0
    clock.tick("raw/1", 1, 0, 1001.0, 108.0)
    assert clock.reached == 1001.0
