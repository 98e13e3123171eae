from hypothesis import given
from hypothesis import strategies as st

from streams.windowing.looks import Looks

times = st.floats(-1e11, 1e12) | st.integers(0, 200).map(lambda n: n / 8)
NEVER = float("inf")


@given(st.lists(st.tuples(st.sampled_from("abcdef"), times, times), max_size=60))
def test_what_is_due_comes_in_the_order_of_its_time_and_once(steps: list[tuple[str, float, float]]) -> None:
    due: dict[str, float] = {}
    looks = Looks(due.get)
    now = float("-inf")
    for key, when, passed in steps:
        if when < due.get(key, NEVER):
            due[key] = when
            looks.add(key, when)
        now = max(now, passed)
        wanted = sorted((at, each) for each, at in due.items() if at < now)
        assert [(due.pop(each), each) for each in looks.before(now)] == wanted
        assert looks.earliest >= now
        assert not due or looks.earliest <= min(due.values())


@given(st.lists(st.tuples(st.sampled_from("abcdef"), times), max_size=30), st.dictionaries(st.text(), times), times)
def test_what_is_rebuilt_holds_what_it_was_given(
    before: list[tuple[str, float]], after: dict[str, float], now: float
) -> None:
    due: dict[str, float] = dict(before)
    looks = Looks(due.get)
    for key, when in before:
        looks.add(key, when)
    list(looks.before(now))
    due.clear()
    due.update(after)
    looks.rebuild(after.items())
    assert len(looks) == len(after)
    assert list(looks.before(NEVER)) == [key for _, key in sorted((when, key) for key, when in after.items())]
    assert len(looks) == 0


def test_far_looks_are_keys_alone() -> None:
    due = {f"key-{n}": 100.0 + n / 100 for n in range(1000)}
    looks = Looks(due.get)
    for key, when in due.items():
        looks.add(key, when)
    assert list(looks.before(100.5)) == [f"key-{n}" for n in range(50)]
    assert len(looks) == 950
    assert len(looks._near) == 50
