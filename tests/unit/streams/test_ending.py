import threading

from streams.ending import end_within


def test_a_process_that_hangs_is_ended() -> None:
    ended = threading.Event()
    end_within(0.01, ended.set)
    assert ended.wait(10)
