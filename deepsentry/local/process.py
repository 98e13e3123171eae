"""A server process of a one-machine run: started, waited for, stopped, killed; its data outlives it."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

from deepsentry.errors import LocalServerError

READY_WITHIN: Final = 90.0
"""Seconds; the slowest start takes three on an idle machine."""
END_WITHIN: Final = 20.0


class Answers(Protocol):
    """Tells whether a server does its work yet: an open port is not enough."""

    def __call__(self) -> bool:
        """Return whether it answered."""
        ...


def free_port() -> int:
    """Return a loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class ServerProcess:
    """One server; `name` is for people, and its log lies in `log`."""

    def __init__(self, name: str, log: Path) -> None:
        self.name = name
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id of the running server. Raises LocalServerError where none runs."""
        if self._process is None:
            message = f"{self.name} is not running"
            raise LocalServerError(message)
        return self._process.pid

    def start(self, command: Sequence[str], answers: Answers, environment: Mapping[str, str] | None = None) -> None:
        """Start `command` and return when it `answers`. Raises LocalServerError with the log's end."""
        with self.log.open("ab") as sink:
            self._process = subprocess.Popen(  # noqa: S603 - our own arguments, no shell
                command,
                stdout=sink,
                stderr=sink,
                stdin=subprocess.DEVNULL,
                env={**os.environ, **environment} if environment else None,
                start_new_session=True,  # an interrupt at the terminal must reach the workers first
            )
        deadline = time.monotonic() + READY_WITHIN
        while time.monotonic() < deadline and self._process.poll() is None:
            if answers():
                return
            time.sleep(0.02)
        self.kill()
        end = " | ".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-3:])
        message = f"{self.name} did not get ready within {READY_WITHIN:.0f} s; {self.log} ends with: {end}"
        raise LocalServerError(message)

    def stop(self) -> None:
        """Ask the server to end, and wait; its data stays."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(END_WITHIN)
            except subprocess.TimeoutExpired:
                self.kill()
            self._process = None

    def kill(self) -> None:
        """End the server at once, as a crash would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None
