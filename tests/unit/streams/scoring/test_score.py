import itertools
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepsentry import wire
from deepsentry.events import Anomaly, CleanEntry, Position, SequenceKind
from deepsentry.sections import Sequences
from models.prepare import Observed
from streams.scoring.score import JUDGE_EVERY, Open, Scored, Scorer
from streams.scoring.strange import CONTEXT, LONGEST_LINE, anomaly_id
from streams.scoring.texts import CleanRecord, Texts
from tests.builders import clean
from tests.unit.streams.scoring.words import Words

IDLE = 10.0
NOW = datetime(2025, 1, 2, tzinfo=UTC)
SETTINGS = Sequences(idle=IDLE, window=200)


def scorer(detector: Words | None = None) -> Scorer:
    made = Scorer("deepsentry.logs.clean.v1", lambda: NOW)
    made.detector = detector
    return made


def records(*messages: str, first: int = 0, sequence: str = "req-1", seconds: float = 1.0) -> list[CleanRecord]:
    """Lines `seconds` apart; the broker took them two seconds apart, a stream of few lines."""
    return [record(n, message, sequence, seconds * n) for n, message in enumerate(messages, first)]


def record(
    offset: int, message: str, sequence: str = "req-1", timestamp: float = 0.0, kind: SequenceKind = "session"
) -> CleanRecord:
    entry = clean(
        offset,
        sequence=sequence,
        kind=kind,
        message=message,
        timestamp=1000.0 + timestamp,
        raw=Position("deepsentry.logs.raw.v1", 0, 100 + offset),
    )
    return CleanRecord(offset, 2.0 * offset, wire.encode(entry))


def run(judge: Scorer, chunks: Sequence[list[CleanRecord]]) -> tuple[list[Anomaly], Open]:
    windows = judge.open(SETTINGS)
    found = [anomaly for chunk in chunks for anomaly in judge.score(4, windows, chunk).anomalies]
    return found + judge.flush(4, windows).anomalies, windows


def run_together(judge: Scorer, chunks: Sequence[list[CleanRecord]]) -> list[Anomaly]:
    windows = judge.open(SETTINGS)
    scored = judge.judge([judge.take(4, windows, chunk) for chunk in chunks])
    return [anomaly for each in scored for anomaly in each.anomalies] + judge.flush(4, windows).anomalies


def test_chunks_of_several_partitions_that_are_judged_together_lead_to_what_each_leads_to() -> None:
    told = {
        partition: records("open", message, *["open"] * 3, sequence=str(partition))
        for partition, message in enumerate(("strange", "open", "new"))
    }
    judge = scorer(Words())
    together = judge.judge([judge.take(partition, judge.open(SETTINGS), chunk) for partition, chunk in told.items()])
    alone = [(one := scorer(Words())).score(partition, one.open(SETTINGS), chunk) for partition, chunk in told.items()]
    assert together == alone
    assert [len(each.anomalies) for each in together] == [0, 0, 1]


def test_a_strange_sequence_becomes_an_anomaly_that_names_its_lines() -> None:
    [anomaly], _ = run(scorer(Words()), [records("open", "strange", "close")])
    assert anomaly.id == anomaly_id(Position("deepsentry.logs.raw.v1", 0, 100), "words")
    assert (anomaly.positions, anomaly.partition, anomaly.length) == ((0, 1, 2), 4, 3)
    assert [line.deviates for line in anomaly.lines] == [False, True, False]
    assert [line.raw.offset for line in anomaly.lines] == [100, 101, 102]
    assert (anomaly.model, anomaly.budget, anomaly.detected_at) == (Words.reference, 10.0, NOW)


def test_a_new_statement_that_ends_its_session_is_told_when_every_partition_has_reached_it() -> None:
    # "a" and "b" come from two partitions of the raw log; "new" in "a" is ahead of what the other has shown
    lines = [("a", 0, "open", 0), ("b", 1, "open", 0), ("a", 0, "new", 3), ("b", 1, "open", 4), ("c", 0, "open", 5)]
    told = []
    judge = scorer(Words())
    windows = judge.open(SETTINGS)
    for offset, (sequence, partition, message, time) in enumerate(lines):
        raw = Position("deepsentry.logs.raw.v1", partition, offset)
        entry = clean(offset, sequence=sequence, message=message, timestamp=1000.0 + time, raw=raw)
        line = CleanRecord(offset, 2.0 * offset, wire.encode(entry))
        told.append([(each.sequence, each.length) for each in judge.score(4, windows, [line]).anomalies])
    assert told == [[], [], [], [], [("a", 2)]]


def test_without_a_model_there_is_no_verdict_and_nothing_counts_as_judged() -> None:
    judge = scorer()
    windows = judge.open(SETTINGS)
    done = judge.score(4, windows, records("open", "strange"))
    assert (done.entries, done.judged, done.anomalies, len(windows)) == (2, 0, [], 1)


def test_a_model_that_comes_later_judges_the_lines_that_were_kept() -> None:
    judge = scorer()
    windows = judge.open(SETTINGS)
    judge.score(4, windows, records("open", "strange"))
    judge.adopt(Words(), {4: windows})
    [anomaly] = judge.flush(4, windows).anomalies
    assert anomaly.positions == (0, 1)


class Renamed(Words):
    """Another version: its ids are others, and it knows templates by their texts."""

    def template(self, message: str) -> int:
        return 5 if message in {"strange", "template 5"} else 1


def forgetful(detector: Words | None) -> tuple[Scorer, Open]:
    """A scorer that holds no text, and a strange sequence that is open."""
    judge = Scorer("deepsentry.logs.clean.v1", lambda: NOW, Texts(most=0))
    judge.detector = detector
    windows = judge.open(SETTINGS)
    judge.score(4, windows, records("open", "strange"))
    return judge, windows


def test_lines_whose_text_is_gone_are_told_by_their_templates() -> None:
    judge, windows = forgetful(Words())
    [anomaly] = judge.flush(4, windows).anomalies
    assert [line.message for line in anomaly.lines] == ["template 1", "template 5"]
    assert [line.raw.offset for line in anomaly.lines] == [100, 101]
    assert anomaly.observed_at == datetime.fromtimestamp(1001.0, UTC)


def test_a_line_whose_text_is_gone_keeps_its_statement_under_a_new_version() -> None:
    judge, windows = forgetful(Words())
    judge.adopt(Renamed(), {4: windows})
    assert [sequence.templates for sequence in windows] == [[1, 5]]


def test_what_was_gone_before_there_was_a_model_is_not_told_of() -> None:
    judge, windows = forgetful(None)
    judge.adopt(Words(), {4: windows})
    assert judge.flush(4, windows).anomalies == []


def test_a_new_statement_is_judged_at_once() -> None:
    judge = scorer(Words())
    windows = judge.open(SETTINGS)
    lines = [record(0, "a new thing", kind="window"), record(1, "open", kind="window")]
    [anomaly] = judge.score(4, windows, lines).anomalies
    assert not anomaly.complete
    assert anomaly.positions == (0,)


def test_an_unfinished_sequence_is_judged_as_it_grows() -> None:
    detector = Words()
    judge = scorer(detector)
    judge.score(4, judge.open(SETTINGS), records(*["open"] * (2 * JUDGE_EVERY + 3)))
    assert [len(each.templates) for each in detector.judged] == [JUDGE_EVERY, 2 * JUDGE_EVERY]
    assert not any(each.complete for each in detector.judged)


def test_one_sequence_is_told_once() -> None:
    lines = records("strange", *["strange"] * (3 * JUDGE_EVERY))
    anomalies, _ = run(scorer(Words()), [[line] for line in lines])
    assert len(anomalies) == 1


def test_lines_of_others_after_the_idle_time_complete_a_sequence() -> None:
    detector = Words()
    judge = scorer(detector)
    later = [record(n, "open", "other", 100.0 + n) for n in (2, 3, 4)]
    done = judge.score(4, judge.open(SETTINGS), [*records("open", "close"), *later])
    assert done.closed["idle"] >= 1
    assert detector.judged[0] == Observed((1, 1), complete=True, kind="session")


def test_a_session_is_waited_for_as_long_as_training_saw_it_silent() -> None:
    judge = scorer(Words(patience=1000.0))
    windows = judge.open(Sequences(idle=IDLE, patience=1000.0))
    later = [record(n, "open", "other", 20.0 + 11.0 * n) for n in (1, 2, 3)]
    done = judge.score(4, windows, [record(0, "open"), *later])
    assert done.closed["idle"] == 0
    assert len(windows) == 2


def test_a_quiet_stream_ends_what_is_open_and_leaves_a_cut_behind() -> None:
    judge = scorer(Words())
    windows = judge.open(SETTINGS)
    judge.score(4, windows, records("open", "close"))
    done = judge.quiet(4, windows, 2 * IDLE)
    assert (dict(done.closed), done.cuts, len(windows)) == ({"quiet": 1}, [("req-1", 1)], 0)


def test_what_no_sanitize_worker_wrote_is_counted_and_passed_over() -> None:
    judge = scorer(Words())
    huge = wire.encode(clean(0, raw=Position("raw", 0, 2**64)))
    late = wire.encode(clean(0, timestamp=1e300))
    odd = [CleanRecord(n, 0.0, value) for n, value in enumerate([b"", b"\xff", b"[]", huge, late])]
    done = judge.score(4, judge.open(SETTINGS), [*odd, record(5, "open")])
    assert (done.unreadable, done.entries) == (5, 1)


def test_lines_that_were_published_again_are_not_put_into_sequences_twice() -> None:
    judge = scorer(Words())
    windows = judge.open(SETTINGS)
    first = records("open", "close")
    again = [CleanRecord(each.offset + 2, each.arrived + 4, each.value) for each in first]
    done = judge.score(4, windows, [*first, *again])
    assert (done.entries, done.repeated) == (4, 2)
    assert [sequence.offsets for sequence in windows] == [[0, 1]]


def test_the_context_is_bounded_in_lines_and_characters() -> None:
    messages = ["open"] * 60 + ["strange" * LONGEST_LINE] + ["open"] * 60
    anomalies, _ = run(scorer(Words()), [records(*messages)])
    [anomaly] = anomalies
    assert len(anomaly.lines) == CONTEXT
    assert max(len(line.message) for line in anomaly.lines) == LONGEST_LINE
    assert [line.deviates for line in anomaly.lines].count(True) == 1


words = st.sampled_from(["open", "close", "strange", "new"])
streams = st.lists(st.tuples(words, st.sampled_from(["a", "b", "c"]), st.floats(0.0, 25.0)), max_size=40)


@given(streams, st.lists(st.integers(0, 40), max_size=4))
def test_how_the_stream_is_cut_into_chunks_changes_no_anomaly(
    lines: list[tuple[str, str, float]], cuts: list[int]
) -> None:
    time, made = 0.0, []
    for offset, (message, sequence, pause) in enumerate(lines):
        time += pause
        made.append(record(offset, message, sequence, time))
    places = [0, *sorted(cuts), len(made)]
    chunks = [made[first:last] for first, last in itertools.pairwise(places)]
    whole, _ = run(scorer(Words()), [made])
    pieces, _ = run(scorer(Words()), chunks)
    assert [(a.id, a.positions) for a in pieces] == [(a.id, a.positions) for a in whole]
    assert [(a.id, a.positions) for a in run_together(scorer(Words()), chunks)] == [(a.id, a.positions) for a in whole]


@given(st.lists(st.binary(max_size=60), max_size=5))
def test_any_bytes_on_the_clean_topic_are_passed_over(values: list[bytes]) -> None:
    judge = scorer(Words())
    done: Scored = judge.score(4, judge.open(SETTINGS), [CleanRecord(n, 0.0, value) for n, value in enumerate(values)])
    assert done.unreadable + done.entries == len(values)


def test_an_id_depends_on_nothing_but_the_first_line_and_the_model() -> None:
    start = Position("deepsentry.logs.raw.v1", 1, 2, 3)
    assert anomaly_id(start, "detector") == anomaly_id(Position("deepsentry.logs.raw.v1", 1, 2, 3), "detector")
    assert anomaly_id(start, "detector") != anomaly_id(start, "other")
    assert len(anomaly_id(start, "detector")) == 32


@pytest.mark.parametrize("level", ["", "info", "error", "fatal"])
def test_the_level_of_the_deviating_line_weighs_in_the_severity(level: str) -> None:
    entry = wire.decode(CleanEntry, records("strange")[0].value)
    line = CleanRecord(0, 0.0, wire.encode({**wire.builtins(entry), "level": level}))  # type: ignore[dict-item]
    [anomaly], _ = run(scorer(Words()), [[line]])
    assert anomaly.severity == {"": "error", "info": "error", "error": "critical", "fatal": "critical"}[level]
