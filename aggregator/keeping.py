"""A job's folder: every round's weights with their digest, and how far the job is. Written beside, then moved."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from aggregator.durable import write
from deepsentry import wire
from deepsentry.errors import FederationError, VersionRefused, WireError
from deepsentry.events import ModelReference
from deepsentry.events.work import JobState
from models.shared import MOST_BYTES, Weights, digest, from_bytes, to_bytes

PROGRESS: Final = "progress.jsonl"
ROUNDS: Final = "rounds"
STOP: Final = "stop"
_MOST_LINE: Final = 1 << 20


class Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A round that is over; its weights lie beside it."""

    round: int
    phase: str
    digest: str
    sites: dict[str, str]
    """Site -> ok, or in a few words why it did not count."""
    facts: dict[str, float]
    """Weighted means over the sites that counted."""
    by_site: dict[str, dict[str, float]]
    """What each site told; empty under secure aggregation."""
    seconds: float
    members: tuple[str, ...] = ()
    """Under secure aggregation, the sites of the first sum."""


class Progress(msgspec.Struct, frozen=True):
    """A line of progress.jsonl: what a person or the control plane is told."""

    state: JobState
    at: datetime
    message: str = ""
    done: int = 0
    total: int = 0
    facts: dict[str, str | int | float | bool] = {}
    version: ModelReference | None = None


class JobFolder:
    """One job on the aggregator's disk; one process writes at a time."""

    def __init__(self, path: Path, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.path = path
        self._clock = clock
        (path / ROUNDS).mkdir(parents=True, exist_ok=True)

    def tell(
        self,
        state: JobState,
        message: str = "",
        done: int = 0,
        total: int = 0,
        facts: dict[str, str | int | float | bool] | None = None,
        version: ModelReference | None = None,
    ) -> None:
        """Append a line of progress."""
        line = wire.encode(Progress(state, self._clock(), message, done, total, facts or {}, version)) + b"\n"
        with (self.path / PROGRESS).open("ab") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())

    def told(self, after: int = 0) -> Iterator[Progress]:
        """Yield the lines of progress behind the first `after`; a half-written last one is not there yet."""
        try:
            data = (self.path / PROGRESS).read_bytes()
        except FileNotFoundError:
            return
        for line in data.split(b"\n")[after:-1]:
            try:
                yield wire.decode(Progress, line[:_MOST_LINE])
            except WireError:
                yield Progress("lost", self._clock(), "a line of progress cannot be read")

    def keep(self, kept: Kept, weights: Weights) -> None:
        """Keep a round: first the weights, then what says that they are whole."""
        write(self._weights(kept.round), to_bytes(weights))
        write(self._facts(kept.round), wire.encode(kept))

    def last(self) -> tuple[Kept, Weights] | None:
        """Return the last round that is whole, None where there is none. Raises FederationError."""
        for path in sorted((self.path / ROUNDS).glob("*.json"), reverse=True):
            try:
                kept = wire.decode(Kept, path.read_bytes())
                weights = from_bytes(_bounded(self._weights(kept.round)))
            except (WireError, VersionRefused, OSError):
                continue  # half-written by a crash; the one before counts
            if digest(weights) != kept.digest:
                message = (
                    f"round {kept.round} of {self.path.name}: the weights do not have the digest they were kept with"
                )
                raise FederationError(message)
            return kept, weights
        return None

    def rounds(self) -> list[Kept]:
        """Return all rounds that are over."""
        return [wire.decode(Kept, path.read_bytes()) for path in sorted((self.path / ROUNDS).glob("*.json"))]

    @property
    def stopped(self) -> bool:
        """Whether somebody asked for the end of the job."""
        return (self.path / STOP).exists()

    def _weights(self, number: int) -> Path:
        return self.path / ROUNDS / f"{number:04d}.safetensors"

    def _facts(self, number: int) -> Path:
        return self.path / ROUNDS / f"{number:04d}.json"


def _bounded(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MOST_BYTES + 1)
