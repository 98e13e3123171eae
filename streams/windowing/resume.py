"""What travels with a committed offset, so that open sequences can be rebuilt."""

from dataclasses import dataclass

import msgspec

from deepsentry import wire
from deepsentry.errors import WireError
from streams.windowing.clock import Source


class Resume(msgspec.Struct, frozen=True):
    """What a replay needs beside the records."""

    begin: int
    """An offset at or before the oldest line of a sequence that is open; the rest is the state before it."""
    sources: dict[str, Source] = {}
    """Partition of the raw log -> how far it was."""
    awake: float | None = None
    """When the stream woke up, by the broker's clock."""


@dataclass(slots=True, eq=False)
class Note:
    """A place where a replay may begin, and how many open sequences need it to begin there or before."""

    resume: Resume
    open: int = 0


def to_note(resume: Resume) -> str:
    """Return the commit metadata of `resume`."""
    return wire.encode(resume).decode()


def from_note(text: str) -> Resume | None:
    """Return the Resume in commit metadata, None where another program left something else."""
    try:
        return wire.decode(Resume, text.encode()) if text else None
    except WireError:
        return None
