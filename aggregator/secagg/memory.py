"""What a site remembers of a job across rounds and restarts: what it answered, and whose updates were summed."""

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Final

import msgspec

from aggregator.durable import write
from aggregator.secagg.roster import Name
from aggregator.secagg.thresholds import MOST
from deepsentry import wire
from deepsentry.errors import DataError, WireError

MAX_JOBS: Final = 10_000
MAX_BYTES: Final = 1 << 26


class Remembered(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One job."""

    round: int
    attempt: int
    """Of the last round that was begun: only later ones are answered."""
    members: Annotated[tuple[Name, ...], msgspec.Meta(max_length=MOST)] = ()
    """The sites of the first sum that this site helped to open, sorted; empty before."""


class Memory(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All jobs. To be on disk before the answer that it belongs to leaves the site."""

    jobs: Annotated[dict[str, Remembered], msgspec.Meta(max_length=MAX_JOBS)] = {}

    def of(self, job: str) -> Remembered | None:
        """Return what is known of a job."""
        return self.jobs.get(job)

    @property
    def full(self) -> bool:
        """Tell whether no other job can be remembered; to forget one would allow its rounds again."""
        return len(self.jobs) >= MAX_JOBS

    def keeping(self, job: str, known: Remembered) -> "Memory":
        """Return the memory with one job as it is now."""
        return Memory({**self.jobs, job: known})


def changed(members: Collection[str], names: Collection[str]) -> str:
    """Return how `names` differ from the fixed sites of a job, empty where they do not."""
    lost, new = sorted(set(members) - set(names)), sorted(set(names) - set(members))
    said = [f"lost {', '.join(lost)}"] * bool(lost) + [f"gained {', '.join(new)}"] * bool(new)
    return f"the sites of this job are fixed since its first sum, and it {' and '.join(said)}" if said else ""


def load_memory(path: Path) -> Memory:
    """Return the memory in a file, an empty one where there is no file. Raises DataError."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return Memory()
    except OSError as error:
        message = f"{path}: {error.strerror}"
        raise DataError(message) from None
    if len(data) > MAX_BYTES:
        message = f"{path} has more than {MAX_BYTES} bytes"
        raise DataError(message)
    try:
        return wire.decode(Memory, data)
    except WireError as error:
        message = f"{path} does not say which rounds were answered ({error}); start new jobs only, then remove it"
        raise DataError(message) from None


def save_memory(path: Path, memory: Memory) -> None:
    """Write `memory` so that it survives a power cut and nobody reads half of it. Raises DataError."""
    try:
        write(path, wire.encode(memory))
    except OSError as error:
        message = f"{path}: {error.strerror}"
        raise DataError(message) from None
