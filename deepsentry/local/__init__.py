"""The embedded servers of a one-machine run: a real Apache Kafka, a store, a real cache; no Docker, Java or root."""

import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeVar

from deepsentry.errors import LocalServerError
from deepsentry.local.cache import LocalCache
from deepsentry.local.kafka import LocalKafka, expected_sums, kafka_classpath, verify
from deepsentry.local.process import free_port
from deepsentry.local.store import LocalStore

__all__ = [
    "ALL",
    "Kind",
    "LocalCache",
    "LocalKafka",
    "LocalStore",
    "Servers",
    "expected_sums",
    "free_port",
    "kafka_classpath",
    "servers",
    "verify",
]

Kind = Literal["kafka", "store", "cache"]
ALL: Final[tuple[Kind, ...]] = ("kafka", "store", "cache")
KAFKA_ONLY: Final[tuple[Kind, ...]] = ("kafka",)
Server = LocalKafka | LocalStore | LocalCache
S = TypeVar("S", LocalKafka, LocalStore, LocalCache)


@dataclass(frozen=True, slots=True)
class Servers:
    """The servers of a one-machine run; one that was not asked for cannot be looked at."""

    running: tuple[Server, ...]

    @property
    def kafka(self) -> LocalKafka:
        """The broker."""
        return self._one(LocalKafka)

    @property
    def store(self) -> LocalStore:
        """The store."""
        return self._one(LocalStore)

    @property
    def cache(self) -> LocalCache:
        """The cache."""
        return self._one(LocalCache)

    def exports(self) -> dict[str, str]:
        """Return environment variable -> value, by which every other command finds these servers."""
        found = {}
        for server in self.running:
            match server:
                case LocalKafka():
                    found["DEEPSENTRY_KAFKA__BOOTSTRAP"] = server.bootstrap
                case LocalStore():
                    found["DEEPSENTRY_MONGO__URL"] = server.url
                case LocalCache():
                    found["DEEPSENTRY_REDIS__URL"] = server.url
        return found

    def _one(self, kind: type[S]) -> S:
        for server in self.running:
            if isinstance(server, kind):
                return server
        message = f"{kind.__name__} was not asked for"
        raise LocalServerError(message)


@contextmanager
def servers(home: Path | None = None, port: int = 0, wanted: Collection[Kind] = KAFKA_ONLY) -> Iterator[Servers]:
    """Run the embedded servers that are `wanted`; their data stays in `home`, or goes where no home is named.

    `port` is Kafka's; the others take free ones.
    """
    folder = home or Path(tempfile.mkdtemp(prefix="deepsentry-"))
    makers: dict[Kind, Callable[[], Server]] = {
        "kafka": lambda: LocalKafka(folder / "kafka", port),
        "store": lambda: LocalStore(folder / "store"),
        "cache": lambda: LocalCache(folder / "cache"),
    }
    try:
        with ExitStack() as stack:
            running = []
            for kind in (kind for kind in ALL if kind in wanted):
                server = makers[kind]()
                stack.callback(server.stop)
                server.start()
                running.append(server)
            yield Servers(tuple(running))
    finally:
        if home is None:
            shutil.rmtree(folder, ignore_errors=True)
