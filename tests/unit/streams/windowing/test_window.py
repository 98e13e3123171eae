from dataclasses import dataclass

from hypothesis import example, given, settings
from hypothesis import strategies as st

from deepsentry.events import CleanEntry, Position, SequenceKind
from deepsentry.sections import Sequences
from streams.windowing.marks import Reached
from streams.windowing.resume import Resume
from streams.windowing.sequence import CleanLine
from streams.windowing.window import Closed, Ended, Windows
from tests.builders import clean

SMALL = Sequences(idle=10.0, window=4, max_length=8, max_open=5)
AWAKE = Resume(0, awake=float("-inf"))


def closed_by(windows: Windows, entries: list[CleanEntry], first: int = 0) -> list[Closed]:
    return ended_by(windows, [(entry, None) for entry in entries], first)


def put(windows: Windows, offset: int, entry: CleanEntry, arrived: float | None = None) -> Ended:
    """Add a line that came two seconds after the one before it, unless told otherwise."""
    _, ended = windows.add(offset, 2.0 * offset if arrived is None else arrived, CleanLine.of(entry), 0)
    return ended or Ended()


def offsets(closed: list[Closed]) -> list[list[int]]:
    return [each.sequence.offsets for each in closed]


def test_lines_of_other_keys_after_the_idle_time_close_a_session() -> None:
    later = [clean(n, sequence="other", timestamp=14.0 + n) for n in (2, 3, 4)]
    lines = [clean(0, timestamp=0.0), clean(1, timestamp=5.0), *later]
    [closed] = closed_by(Windows(SMALL, AWAKE), lines)
    assert (closed.sequence.offsets, closed.why) == ([0, 1], "idle")


def test_a_key_that_comes_back_after_the_idle_time_opens_a_new_session() -> None:
    windows: Windows = Windows(SMALL, AWAKE)
    assert offsets(closed_by(windows, [clean(0, timestamp=0.0), clean(1, timestamp=10.1)])) == [[0]]
    assert [s.offsets for s in windows] == [[1]]


def test_one_line_with_a_date_years_ahead_closes_nothing() -> None:
    lines = [clean(0, sequence="a", timestamp=0.0), clean(1, sequence="b", timestamp=1e9)]
    assert closed_by(Windows(SMALL, AWAKE), lines) == []


def test_a_host_whose_clock_is_behind_still_gets_whole_sessions() -> None:
    lines = [
        clean(0, sequence="ahead", timestamp=1000.0),
        clean(1, sequence="behind", timestamp=100.0),
        clean(2, sequence="ahead", timestamp=1001.0),
        clean(3, sequence="behind", timestamp=101.0),
    ]
    windows: Windows = Windows(SMALL, AWAKE)
    assert closed_by(windows, lines) == []
    assert sorted(s.offsets for s in windows) == [[0, 2], [1, 3]]


def test_windows_overlap_by_half() -> None:
    lines = [clean(n, sequence="host|service", kind="window") for n in range(8)]
    assert offsets(closed_by(Windows(SMALL, AWAKE), lines)) == [[0, 1, 2, 3], [2, 3, 4, 5], [4, 5, 6, 7]]


def test_a_session_is_cut_at_its_longest() -> None:
    [closed] = closed_by(Windows(SMALL, AWAKE), [clean(n) for n in range(8)])
    assert (closed.why, closed.cut()) == ("cut", ("req-1", 7))
    assert closed.sequence.offsets == list(range(8))


def test_the_least_recently_touched_sequence_is_evicted_first() -> None:
    lines = [clean(n, sequence=f"req-{n}") for n in range(6)]
    [closed] = closed_by(Windows(SMALL, AWAKE), lines)
    assert (closed.sequence.key, closed.why) == ("req-0", "evicted")


def test_of_many_the_share_that_was_touched_longest_ago_is_evicted_and_leaves_cuts() -> None:
    room = Sequences(idle=1000.0, max_open=64)
    lines = [clean(n, sequence=f"req-{n}", timestamp=float(n)) for n in range(64)]
    again = clean(64, sequence="req-0", timestamp=64.0)
    closed = closed_by(Windows(room), [*lines, again, clean(65, sequence="one more", timestamp=65.0)])
    assert [(c.why, c.cut()) for c in closed] == [("evicted", ("req-1", 1)), ("evicted", ("req-2", 2))]


def test_lines_are_bounded_as_sequences_are() -> None:
    windows = Windows(Sequences(idle=1000.0, max_lines=10))
    closed = closed_by(windows, [clean(n, sequence=f"req-{n // 4}", timestamp=float(n)) for n in range(12)])
    assert [c.sequence.key for c in closed] == ["req-0"]
    assert windows.lines == 8


def test_what_is_kept_of_closed_sequences_does_not_grow_while_one_waits() -> None:
    windows = Windows(Sequences(idle=10.0, max_length=8), note_every=2)
    put(windows, 0, clean(0, sequence="waits", timestamp=1e6))
    for n in range(1, 20_000):
        put(windows, n, clean(n, sequence=f"req-{n // 8}", timestamp=0.0))
    assert len(windows) <= 3
    assert windows.resume().begin == 0
    assert len(windows._notes) <= 3
    assert len(windows._looks) < 5000


def test_a_waiting_million_does_not_keep_a_million_notes() -> None:
    windows = Windows(Sequences(idle=1e6), note_every=1)
    for n in range(20_000):
        put(windows, n, clean(n, sequence=f"req-{n}", timestamp=0.0))
    assert len(windows._notes) < 6000
    assert windows.resume().begin == 0


def test_a_raw_line_that_a_restarted_worker_published_again_is_taken_once() -> None:
    again = Position("deepsentry.logs.raw.v1", 0, 0)
    windows: Windows = Windows(SMALL, AWAKE)
    closed_by(windows, [clean(0), clean(1), clean(2, raw=again)])
    assert [s.offsets for s in windows] == [[0, 1]]


def test_a_session_stands_in_the_order_of_its_times_whatever_partition_was_read_first() -> None:
    early = [clean(n, timestamp=float(n), raw=Position("raw", 0, n)) for n in range(3)]
    late = [clean(n, timestamp=n + 0.5, raw=Position("raw", 1, n)) for n in range(3)]
    windows: Windows = Windows(SMALL, AWAKE)
    closed_by(windows, [*early, *late])
    [session] = windows
    assert session.offsets == [0, 3, 1, 4, 2, 5]


def test_a_session_stays_open_until_the_slowest_partition_has_passed_its_end() -> None:
    fast = [clean(n, sequence="a" if n == 0 else "b", timestamp=9.0 * n, raw=Position("raw", 0, n)) for n in range(4)]
    slow = clean(9, sequence="a", timestamp=1.0, raw=Position("raw", 1, 0))
    windows: Windows = Windows(SMALL, AWAKE)
    assert closed_by(windows, [slow, *fast]) == []


def test_a_partition_that_fell_silent_holds_no_session_open() -> None:
    windows: Windows = Windows(SMALL, AWAKE)
    put(windows, 0, clean(0, sequence="a", timestamp=0.0, raw=Position("raw", 1, 0)))
    later = [clean(n, sequence="b", timestamp=9.0 * n, raw=Position("raw", 0, n)) for n in range(1, 7)]
    closed = [c for n, line in enumerate(later, 1) for c in put(windows, n, line, 100.0 + 6.0 * n).over]
    assert [c.sequence.key for c in closed] == ["a"]


def test_a_session_that_may_be_silent_for_longer_is_paused_before_it_is_over() -> None:
    windows: Windows = Windows(SMALL, AWAKE, patience=lambda _: 25.0)
    lines = [
        clean(0, sequence="slow", timestamp=0.0),
        *(clean(n, sequence=f"o{n}", timestamp=9.0 * n) for n in range(1, 5)),
    ]
    ended = [put(windows, n, line) for n, line in enumerate(lines)]
    assert [[s.key for s in e.paused] for e in ended] == [[], [], ["slow"], ["o1"], ["o2"]]
    assert [[c.sequence.key for c in e.over] for e in ended] == [[], [], [], ["slow"], ["o1"]]


def test_after_a_night_without_a_line_sessions_stay_whole() -> None:
    windows: Windows = Windows(SMALL, AWAKE)
    closed_by(windows, [clean(n, sequence="evening", timestamp=float(n)) for n in range(3)])
    morning = [clean(n, sequence=f"req-{n % 4}", timestamp=30_000.0 + 0.05 * n) for n in range(3, 3 + 24)]
    closed = closed_by(windows, morning, first=3)
    assert [c.sequence.key for c in closed] == ["evening"]


def test_nothing_is_over_before_the_stream_is_awake() -> None:
    windows: Windows = Windows(SMALL)
    lines = [clean(n, sequence=f"req-{n}", timestamp=9.0 * n) for n in range(4)]
    assert [put(windows, n, line, 0.1 * n).over for n, line in enumerate(lines)] == [[]] * 4


@dataclass(frozen=True)
class Step:
    key: int
    gap: float
    kind: SequenceKind
    source: int
    mark: float | None = None
    """How many seconds after the line's time all sources are said to have reached behind it."""


def waits(_template: int) -> float:
    return 15.0


STEPS = st.lists(
    st.builds(
        Step,
        st.integers(0, 7),
        st.sampled_from([0.0, 0.5, 3.0, 11.0, -20.0, 500.0]),
        st.sampled_from(["session", "window"]),
        st.integers(0, 2),
        st.sampled_from([None, None, None, 0.0, -5.0, -30.0, 3.0, 12.0]),
    ),
    max_size=120,
)


LEAP = [
    Step(2, 11.0, "session", 1),
    Step(0, 11.0, "session", 1),
    Step(3, -20.0, "session", 1),
    Step(2, 500.0, "session", 1),
    Step(0, -20.0, "session", 2),
    Step(3, 500.0, "session", 1),
    Step(3, -20.0, "session", 2),
    Step(2, 11.0, "session", 0),
    Step(1, 0.0, "window", 0),
    Step(3, 500.0, "window", 2),
    Step(1, 0.0, "window", 0),
    Step(1, 11.0, "window", 2),
]
"""A line with a date far ahead in a session that goes on behind the note."""
SILENT = [
    Step(0, 11.0, "session", 2),
    Step(5, -20.0, "session", 2),
    Step(2, 0.0, "window", 0),
    Step(7, 0.5, "window", 1),
    Step(0, 0.5, "session", 1),
    Step(4, 3.0, "window", 0),
    Step(1, 500.0, "session", 1),
    Step(5, 0.5, "session", 0),
    Step(3, 3.0, "window", 1),
    Step(5, 0.5, "window", 0),
    Step(6, 500.0, "session", 0),
    Step(0, 500.0, "session", 2),
    Step(2, 0.0, "window", 1),
    Step(0, 3.0, "window", 2),
]
"""The foremost partition has fallen silent when the note is taken."""


Line = tuple[CleanEntry, Reached | None]


def lines_of(steps: list[Step]) -> list[Line]:
    time, lines = 1000.0, []
    for offset, step in enumerate(steps):
        time += step.gap
        key = f"{step.kind}-{step.key}"
        raw = Position("deepsentry.logs.raw.v1", step.source, offset)
        mark = None if step.mark is None else {f"{raw.topic}/{n}": time + step.mark - n for n in range(3)}
        lines.append((clean(offset, sequence=key, kind=step.kind, timestamp=time, raw=raw), mark))
    return lines


def ended_by(windows: Windows, lines: list[Line], first: int = 0) -> list[Closed]:
    closed = []
    for offset, (entry, mark) in enumerate(lines, first):
        closed += put(windows, offset, entry).over
        if mark is not None:
            closed += (windows.advance(mark, 2.0 * offset) or Ended()).over
    return closed


@settings(max_examples=500, deadline=None)
@given(STEPS, st.integers(0, 120), st.integers(0, 120))
@example(LEAP, 12, 0)
@example(SILENT, 14, 0)
def test_a_replay_from_the_note_of_any_commit_rebuilds_what_was_open(steps: list[Step], at: int, ahead: int) -> None:
    lines = lines_of(steps)
    commit = min(at, len(lines))
    undisturbed: Windows = Windows(SMALL, patience=waits, note_every=3)
    cuts = [c.cut() for c in ended_by(undisturbed, lines[:commit])]
    note = undisturbed.resume()
    expected = {s.key: list(s.offsets) for s in undisturbed}
    # the worker that died had published cuts of lines beyond its last commit, too
    beyond = [c.cut() for c in ended_by(undisturbed, lines[commit : commit + ahead], commit)]
    handled: dict[str, int] = {}
    for cut in (*cuts, *beyond):
        if cut is not None:
            key, offset = cut
            handled[key] = max(offset, handled.get(key, -1))

    replayed: Windows = Windows(SMALL, note, handled, waits, note_every=3)
    ended_by(replayed, lines[note.begin : commit], note.begin)

    rebuilt = {s.key: s.offsets for s in replayed}
    for key, offsets_of_key in expected.items():
        if handled.get(key, -1) < offsets_of_key[0]:
            assert rebuilt.get(key) == offsets_of_key
    assert rebuilt.keys() <= expected.keys()


@settings(max_examples=500, deadline=None)
@given(STEPS, st.integers(0, 120))
def test_what_closes_after_a_replay_is_what_closes_without_one(steps: list[Step], at: int) -> None:
    lines = lines_of(steps)
    commit = min(at, len(lines))
    undisturbed: Windows = Windows(SMALL, patience=waits, note_every=3)
    before = ended_by(undisturbed, lines[:commit])
    note = undisturbed.resume()
    handled = dict(cut for cut in (c.cut() for c in before) if cut is not None)
    replayed: Windows = Windows(SMALL, note, handled, waits, note_every=3)
    ended_by(replayed, lines[note.begin : commit], note.begin)

    after = ended_by(replayed, lines[commit:], commit)

    assert offsets(after) == offsets(ended_by(undisturbed, lines[commit:], commit))
