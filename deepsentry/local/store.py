"""The store of a one-machine run: a daemon that speaks MongoDB's wire protocol over WiredTiger, in its own process.

It has no text index and ignores `max` of capped collections; what we ask of it is in the store's contract suite, which
also runs against a real MongoDB. Its licence (GPL-2.0) is why it is started and never imported.
"""

import sys
from pathlib import Path
from typing import Final

from deepsentry.errors import LocalServerError
from deepsentry.local.process import ServerProcess, free_port

DAEMON: Final = "secantusd-py"
CACHE: Final = "64M"


class LocalStore:
    """One node on loopback; its data lies in `home`, is on the disk when a write returns, and outlives the process."""

    def __init__(self, home: Path, port: int = 0) -> None:
        self.home = home
        self.port = port or free_port()
        self.url = f"mongodb://127.0.0.1:{self.port}/?directConnection=true"
        self._process = ServerProcess("the embedded store", home / "store.log")

    @property
    def pid(self) -> int:
        """Process id of the running server."""
        return self._process.pid

    def start(self) -> None:
        """Start the server and return when it answers. Raises LocalServerError with the log's end."""
        self.home.mkdir(parents=True, exist_ok=True)
        daemon = Path(sys.executable).with_name(DAEMON)
        if not daemon.exists():
            message = f"{daemon} is not installed; set DEEPSENTRY_MONGO__URL to a MongoDB of your own"
            raise LocalServerError(message)
        where = ["--host", "127.0.0.1", "--port", str(self.port), "--storage-path", str(self.home / "data")]
        command = [str(daemon), *where, "--sync-on-commit", "--cache-size", CACHE, "--log-level", "WARNING"]
        self._process.start(command, self._answers)

    def stop(self) -> None:
        """Ask the server to end, and wait; its data stays."""
        self._process.stop()

    def kill(self) -> None:
        """End the server at once, as a crash would."""
        self._process.kill()

    def _answers(self) -> bool:
        from pymongo import MongoClient  # noqa: PLC0415 - slow to import, and only a one-machine run needs it
        from pymongo.errors import PyMongoError  # noqa: PLC0415

        client: MongoClient[dict[str, object]]
        try:
            with MongoClient(self.url, serverSelectionTimeoutMS=1000, connectTimeoutMS=1000) as client:
                return bool(client.admin.command("ping")["ok"])
        except PyMongoError:
            return False
