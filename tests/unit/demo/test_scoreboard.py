"""What the demo counts as found, late or false."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepsentry import wire
from deepsentry.demo.faults import Fault
from deepsentry.demo.scoreboard import Report, Scoreboard, table
from tests.unit.streams.alerts.builders import anomaly as strange

RETRIES = Fault("retry burst", "req-1", "checkout", line=6)
CUT = Fault("cut off", "req-2", "search", line=4)


def test_an_anomaly_of_a_faulty_request_finds_its_fault() -> None:
    board = Scoreboard.of([RETRIES, CUT])
    board.take(strange("a", sequence="req-1", length=7, complete=False))
    assert [(row.fault, row.found) for row in board.rows()] == [("retry burst", True), ("cut off", False)]
    assert board.false_alarms == 0


def test_an_anomaly_of_a_sound_request_is_a_false_alarm() -> None:
    board = Scoreboard.of([RETRIES])
    assert board.take(strange("a", sequence="req-9")).fault is None
    assert board.false_alarms == 1


def test_an_alarm_before_the_deviating_line_is_luck_and_counts_as_false() -> None:
    board = Scoreboard.of([RETRIES])
    board.take(strange("a", sequence="req-1", length=6, complete=False))
    assert board.false_alarms == 1
    assert not board.rows()[0].found


def test_the_same_anomaly_again_changes_nothing() -> None:
    board = Scoreboard.of([RETRIES])
    for _ in range(2):
        board.take(strange("a", sequence="req-9"))
    assert board.false_alarms == 1


def test_the_delay_counts_the_lines_read_after_the_deviating_one() -> None:
    board = Scoreboard.of([RETRIES])
    board.take(strange("a", sequence="req-1", length=10, complete=False))
    [row] = board.rows()
    assert (row.delay_lines, row.judged) == (3, "as it went")


def test_what_is_missing_at_the_end_is_found_without_delay_once_the_request_is_over() -> None:
    board = Scoreboard.of([CUT])
    board.take(strange("a", sequence="req-2", length=4, complete=True))
    [row] = board.rows()
    assert (row.delay_lines, row.judged) == (0, "when it had ended")


def test_a_second_anomaly_of_a_found_fault_is_no_false_alarm() -> None:
    board = Scoreboard.of([CUT])
    board.take(strange("a", sequence="req-2", length=8, complete=True))
    board.take(strange("b", sequence="req-2", length=9, complete=True))
    assert board.false_alarms == 0
    assert board.rows()[0].delay_lines == 3


@given(st.lists(st.tuples(st.sampled_from(["req-1", "req-2", "req-3"]), st.integers(1, 20), st.booleans())))
def test_every_anomaly_is_a_fault_found_or_a_false_alarm(seen: list[tuple[str, int, bool]]) -> None:
    board = Scoreboard.of([RETRIES, CUT])
    for number, (sequence, length, complete) in enumerate(seen):
        board.take(strange(str(number), sequence=sequence, length=length, complete=complete))
    hits = sum(sighting.fault is not None for sighting in board.sightings.values())
    assert hits + board.false_alarms == len(seen)
    assert sum(row.found for row in board.rows()) <= hits


def report(injected: int | None) -> Report:
    return Report(
        injected=injected,
        found=injected,
        false_alarms=None if injected is None else 0,
        secrets_raw=None if injected is None else 7,
        secrets_after=None if injected is None else 0,
        lines_per_s=1234.5,
        cpu_us_per_line=50.4,
        cpu_us_sanitize=30.0,
        cpu_us_score=20.4,
        lines_normal=10,
        lines_judged=20,
        anomalies=1,
        alerts=1,
        masked={"email": 5, "card": 2},
        rejected={},
        model="detector 1",
        seconds={"start": 3.0},
    )


def test_a_log_of_the_readers_own_has_no_injected_columns() -> None:
    labels = {label for label, _ in table(report(None))}
    assert labels < {label for label, _ in table(report(5))}
    assert not {"faults injected", "faults found", "false alarms"} & labels


@pytest.mark.parametrize("key", ["injected", "found", "false_alarms", "secrets_raw", "secrets_after", "lines_per_s"])
def test_programs_read_the_figures_by_stable_names(key: str) -> None:
    data = wire.from_json(wire.encode(report(5)))
    assert isinstance(data, dict)
    assert key in data
    assert data["cpu_us_per_line"] == 50.4
