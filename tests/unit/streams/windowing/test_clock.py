from hypothesis import given
from hypothesis import strategies as st

from streams.windowing.clock import GAP, MOST_SOURCES, WAKING, Clock

IDLE = 10.0
AWAKE = float("-inf")


Line = tuple[int, int, float, float]


def line(offset: int, time: float, arrived: float | None = None) -> Line:
    """A line that came `WAKING` seconds after the one before it, unless told otherwise."""
    return offset, 0, time, WAKING * offset if arrived is None else arrived


def test_time_stands_still_while_the_stream_wakes_up() -> None:
    clock = Clock(IDLE, {})
    for offset in range(round(WAKING / GAP)):
        clock.tick("raw/0", *line(offset, 100.0 + offset, arrived=5.0 + GAP * offset))
        assert clock.reached == float("-inf")
    clock.tick("raw/0", *line(4, 106.0, arrived=5.0 + WAKING))
    assert clock.reached == 106.0


def test_a_source_that_begins_after_a_worker_died_in_its_first_chunk_is_waited_for() -> None:
    clock = Clock(IDLE, {})
    clock.tick("raw/1", *line(0, 100.0, arrived=5.0))
    clock.tick("raw/1", *line(1, 101.0, arrived=5.0 + 0.6 * IDLE))  # the next worker has begun
    clock.tick("raw/1", *line(2, 109.0, arrived=5.1 + 0.6 * IDLE))
    clock.tick("raw/0", *line(0, 100.5, arrived=5.2 + 0.6 * IDLE))
    assert clock.reached == float("-inf")
    for offset in range(3, 8):
        clock.tick("raw/1", *line(offset, 109.5, arrived=5.2 + 0.6 * IDLE + GAP * (offset - 3)))
    assert clock.reached == 100.5


def test_a_stream_of_few_lines_wakes_up_nevertheless() -> None:
    clock = Clock(2 * IDLE, {})
    for offset in range(5):
        clock.tick("raw/0", *line(offset, 100.0 + offset, arrived=IDLE * offset))
    assert clock.reached == 104.0


def test_the_slowest_source_says_how_late_it_is() -> None:
    clock = Clock(IDLE, {}, AWAKE)
    clock.tick("raw/1", *line(0, 90.0))
    clock.tick("raw/0", *line(1, 100.0))
    clock.tick("raw/0", *line(2, 108.0))
    assert (clock.reached, clock.leading) == (90.0, 108.0)


def test_a_source_that_fell_silent_holds_nobody_up() -> None:
    clock = Clock(IDLE, {}, AWAKE)
    clock.tick("slow", *line(0, 90.0, arrived=0.0))
    clock.tick("raw/0", *line(0, 100.0, arrived=3.0))
    assert clock.reached == 90.0
    clock.tick("raw/0", *line(1, 101.0, arrived=IDLE + 0.5))
    assert clock.reached == 101.0


def test_one_date_years_ahead_does_not_move_time() -> None:
    clock = Clock(IDLE, {}, AWAKE)
    clock.tick("raw/0", *line(0, 100.0))
    clock.tick("raw/0", *line(1, 1e9))
    assert clock.reached == 100.0


def test_three_lines_that_agree_move_time_over_a_silence() -> None:
    clock = Clock(IDLE, {}, AWAKE)
    for offset, time in enumerate([100.0, 30_000.0, 30_001.0, 30_002.0]):
        clock.tick("raw/0", *line(offset, time))
    assert clock.reached == 30_000.0


def test_a_date_years_back_does_not_move_time_at_all() -> None:
    clock = Clock(IDLE, {}, AWAKE)
    clock.tick("raw/0", *line(0, 1e9))
    clock.tick("raw/0", *line(1, 100.0))
    assert (clock.reached, clock.shown) == (1e9, 100.0)


def test_a_line_that_was_published_again_is_known() -> None:
    clock = Clock(IDLE, {})
    assert clock.tick("raw/0", *line(7, 100.0))
    assert not clock.tick("raw/0", *line(7, 100.0))
    assert not clock.tick("raw/0", *line(6, 99.0))
    assert clock.tick("raw/1", *line(6, 99.0))


def test_a_broker_whose_clock_is_set_back_ends_nothing() -> None:
    clock = Clock(IDLE, {})
    clock.tick("raw/0", *line(0, 100.0, arrived=1000.0))
    clock.tick("raw/0", *line(1, 101.0, arrived=0.0))
    for offset in range(2, 6):
        clock.tick("raw/0", *line(offset, 100.0 + offset, arrived=1000.0 + GAP * (offset - 1)))
    assert clock.reached == 105.0


def test_entries_of_one_record_are_told_apart_by_their_index() -> None:
    clock = Clock(IDLE, {})
    assert clock.tick("raw/0", 3, 0, 1.0, 1.0)
    assert clock.tick("raw/0", 3, 1, 1.0, 1.0)
    assert not clock.tick("raw/0", 3, 1, 1.0, 1.0)


def test_a_note_keeps_the_sources_that_spoke_last() -> None:
    clock = Clock(IDLE, {})
    for n in range(MOST_SOURCES + 5):
        clock.tick(f"raw/{n}", *line(n, 100.0))
    assert clock.newest().keys() == {f"raw/{n}" for n in range(5, MOST_SOURCES + 5)}


def test_a_clock_that_is_rebuilt_knows_how_far_a_source_was_that_fell_silent() -> None:
    clock = Clock(IDLE, {}, AWAKE)
    clock.tick("raw/0", *line(0, 100.0, arrived=0.0))
    clock.tick("raw/1", *line(0, 90.0, arrived=5.0))
    clock.tick("raw/1", *line(1, 91.0, arrived=IDLE + 1.0))
    assert Clock(IDLE, clock.newest(), clock.awake).leading == clock.leading == 100.0


ticks = st.lists(
    st.tuples(st.sampled_from(["raw/0", "raw/1", "raw/2"]), st.floats(-1e10, 1e10), st.floats(0.0, 30.0)), max_size=40
)


@given(ticks)
def test_time_never_goes_back_nor_past_what_lines_have_shown(lines: list[tuple[str, float, float]]) -> None:
    clock, arrived = Clock(IDLE, {}), 0.0
    latest = float("-inf")
    for offset, (name, time, pause) in enumerate(lines):
        arrived += pause
        before = clock.reached, clock.leading
        clock.tick(name, *line(offset, time, arrived))
        latest = max(latest, time)
        assert before[0] <= clock.reached <= clock.leading
        assert before[1] <= clock.leading <= latest


@given(ticks, st.integers(0, 40))
def test_a_clock_that_is_rebuilt_from_its_note_goes_on_as_the_first(
    lines: list[tuple[str, float, float]], cut: int
) -> None:
    moments, arrived = [], 0.0
    for offset, (name, time, pause) in enumerate(lines):
        arrived += pause
        moments.append((name, line(offset, time, arrived)))
    whole = Clock(IDLE, {})
    for name, place in moments[:cut]:
        whole.tick(name, *place)
    rebuilt = Clock(IDLE, whole.newest(), whole.awake)
    for name, place in moments[cut:]:
        assert rebuilt.tick(name, *place) == whole.tick(name, *place)
    assert rebuilt.newest() == whole.newest()
    assert rebuilt.awake == whole.awake
