import numpy as np

from models.intake import Taken
from models.patience import complete, waiting_times

START, WORK, END = 0, 1, 2


def session(begin: float, *steps: tuple[int, float]) -> tuple[Taken, tuple[int, ...]]:
    """A session of (statement, seconds after the one before)."""
    times = begin + np.cumsum([seconds for _, seconds in steps])
    ids = tuple(template for template, _ in steps)
    gaps = np.diff(times).astype(np.float32)
    taken = Taken("session", float(times[0]), float(times[-1]), True, np.array(ids, np.int32), gaps)
    return taken, ids


def learn(*sessions: tuple[Taken, tuple[int, ...]]) -> np.ndarray:
    return waiting_times([taken for taken, _ in sessions], [ids for _, ids in sessions], 3)


def test_a_session_may_be_silent_for_three_times_as_long_as_ever_seen() -> None:
    waiting = learn(session(0, (START, 0), (WORK, 1), (END, 20)), session(50, (START, 0), (WORK, 4), (END, 10)))
    assert waiting.tolist() == [12.0, 60.0, 0.0]


def test_one_id_used_again_much_later_keeps_no_other_session_waiting() -> None:
    sessions = [session(10.0 * i, (START, 0), (END, 1)) for i in range(300)]
    reused = session(0, (START, 0), (END, 1), (START, 1800), (END, 1))
    assert learn(*sessions, reused)[END] == 0.0


def test_a_long_silence_after_a_statement_that_ends_nothing_is_never_odd() -> None:
    sessions = [session(10.0 * i, (START, 0), (WORK, 1), (END, 1)) for i in range(2000)]
    slow = session(0, (START, 0), (WORK, 400), (END, 1))
    assert learn(*sessions, slow)[START] == 3 * 400


def test_a_long_silence_that_many_sessions_have_is_waited_for() -> None:
    sessions = [session(10.0 * i, (START, 0), (WORK, 1), (END, 3600 if i % 20 == 0 else 1)) for i in range(300)]
    assert learn(*sessions)[WORK] == 3 * 3600


def test_a_session_that_may_still_go_on_when_the_log_ends_is_not_complete() -> None:
    taken, ids = session(0, (START, 0), (WORK, 1))
    waiting = np.array([0.0, 30.0, 0.0])
    assert not complete(taken, ids, waiting, over=20.0)
    assert complete(taken, ids, waiting, over=40.0)
