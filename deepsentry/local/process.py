"""A server process of a one-machine run: started, waited for, stopped, killed; its data outlives it."""

import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from deepsentry.errors import LocalServerError

READY_WITHIN: Final = 90.0
"""Seconds; the slowest start takes three on an idle machine."""
END_WITHIN: Final = 20.0


def free_port() -> int:
    """Return a loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class ServerProcess(ABC):
    """One server on a loopback port; its data lies in `home` and outlives the process."""

    name: str
    """What people call it, and its log."""

    def __init__(self, home: Path, port: int = 0) -> None:
        self.home = home
        self.port = port or free_port()
        self.log = home / f"{self.name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id of the running server. Raises LocalServerError where none runs."""
        if self._process is None:
            message = f"the embedded {self.name} is not running"
            raise LocalServerError(message)
        return self._process.pid

    @abstractmethod
    def command(self) -> Sequence[str]:
        """Return what starts the server, after preparing what it needs in `home`. Raises LocalServerError."""

    @abstractmethod
    def answers(self) -> bool:
        """Tell whether the server does its work yet: an open port is not enough."""

    def start(self) -> None:
        """Start the server and return when it answers. Raises LocalServerError with the log's end."""
        self.home.mkdir(parents=True, exist_ok=True)
        command = self.command()
        with self.log.open("ab") as sink:
            self._process = subprocess.Popen(  # noqa: S603 - our own arguments, no shell
                command,
                stdout=sink,
                stderr=sink,
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # an interrupt at the terminal must reach the workers first
            )
        deadline = time.monotonic() + READY_WITHIN
        while time.monotonic() < deadline and self._process.poll() is None:
            if self.answers():
                return
            time.sleep(0.02)
        self.kill()
        end = " | ".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-3:])
        message = f"the embedded {self.name} did not get ready within {READY_WITHIN:.0f} s; {self.log} ends with: {end}"
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
