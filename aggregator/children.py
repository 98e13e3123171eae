"""Processes of Flower's own that we start, watch and end; one that dies is started again."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from deepsentry import logs

ENDS_WITHIN: Final = 10.0
AGAIN_AFTER: Final = 2.0
"""Seconds before a process that died is started again, so that one that cannot start does not take the machine."""
PARENT: Final = "CHILD_OF_PROCESS"
"""Variable with the process that a child belongs to; not of our prefix, as settings know no such name."""
LOOKS_EVERY: Final = 0.5

log = logs.get("federation")


class Child:
    """A process and how to start it again."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        logfile: Path,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.log = logfile
        self._command = [sys.executable, *command]
        self._environment = dict(environment)
        self._clock = clock
        self._process = self._start()

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def check(self) -> None:
        """Start it again where it died; not at once."""
        status = self._process.poll()
        if status is None or self._clock() - self._began < AGAIN_AFTER:
            return
        log.warning("process_died", process=self.name, status=status)
        self._process = self._start()

    def said(self) -> str:
        """Return how its log ends."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines() if self.log.exists() else []
        return " | ".join(lines[-3:]) or "nothing"

    def stop(self) -> None:
        """Ask it to end."""
        if self.alive:
            self._process.terminate()

    def wait(self) -> None:
        """Return when it has ended; one that does not is killed."""
        try:
            self._process.wait(ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        self._began = self._clock()
        with self.log.open("ab") as sink:
            return subprocess.Popen(  # noqa: S603 - our own interpreter
                self._command,
                env=self._environment | {PARENT: str(os.getpid())},
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
            )


def end(children: Sequence[Child]) -> None:
    """End all of them."""
    for child in children:
        child.stop()
    for child in children:
        child.wait()


def follow_parent(environ: Mapping[str, str] = os.environ, every: float = LOOKS_EVERY) -> None:
    """End this process, as if told to, when the one that started it is gone.

    A parent that was killed told nobody to end; what stayed would hold its port against the children of the next one.
    """
    parent = environ.get(PARENT, "")
    if parent.isdigit():
        threading.Thread(target=_watch, args=(int(parent), every), daemon=True).start()


def _watch(parent: int, every: float) -> None:
    while os.getppid() == parent:
        time.sleep(every)
    os.kill(os.getpid(), signal.SIGTERM)
