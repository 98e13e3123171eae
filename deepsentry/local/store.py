"""The store of a one-machine run: a daemon that speaks MongoDB's wire protocol over WiredTiger, in its own process.

It has no text index and ignores `max` of capped collections; what we ask of it is in the store's contract suite, which
also runs against a real MongoDB. Its licence (GPL-2.0) is why it is started and never imported.
"""

import sys
from pathlib import Path
from typing import Final

from deepsentry.errors import LocalServerError
from deepsentry.local.process import ServerProcess

DAEMON: Final = "secantusd-py"
CACHE: Final = "64M"


class LocalStore(ServerProcess):
    """One node on loopback; its data lies in `home`, is on the disk when a write returns, and outlives the process."""

    name = "store"

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"mongodb://127.0.0.1:{self.port}/?directConnection=true"

    def command(self) -> list[str]:
        """Return what starts the server. Raises LocalServerError."""
        daemon = Path(sys.executable).with_name(DAEMON)
        if not daemon.exists():
            message = f"{daemon} is not installed; set DEEPSENTRY_MONGO__URL to a MongoDB of your own"
            raise LocalServerError(message)
        where = ["--host", "127.0.0.1", "--port", str(self.port), "--storage-path", str(self.home / "data")]
        return [str(daemon), *where, "--sync-on-commit", "--cache-size", CACHE, "--log-level", "WARNING"]

    def answers(self) -> bool:
        """Tell whether it answers a call."""
        from pymongo import MongoClient  # noqa: PLC0415 - slow to import, and only a one-machine run needs it
        from pymongo.errors import PyMongoError  # noqa: PLC0415

        client: MongoClient[dict[str, object]]
        try:
            with MongoClient(self.url, serverSelectionTimeoutMS=1000, connectTimeoutMS=1000) as client:
                return bool(client.admin.command("ping")["ok"])
        except PyMongoError:
            return False
