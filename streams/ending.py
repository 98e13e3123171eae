"""The last resort of a worker that is told to end and cannot: the broker is away, or a library waits for itself."""

import os
import threading
from collections.abc import Callable

from deepsentry import logs

log = logs.get("ending")


def _exit() -> None:
    os._exit(1)


def end_within(seconds: float, end: Callable[[], None] = _exit) -> None:
    """End the process in `seconds`, whatever it hangs in; what it did not acknowledge comes again."""

    def give_up() -> None:
        log.warning("ended_hard", after_seconds=seconds)
        end()

    timer = threading.Timer(seconds, give_up)
    timer.daemon = True
    timer.start()
