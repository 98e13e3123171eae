"""One line for each message that a site got: what was asked, by which run, what became of it, what left."""

import os
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

import msgspec

from deepsentry import logs, wire

MOST: Final = 64 << 20
"""Bytes of a file; then it is set aside as audit.jsonl.1, which replaces the one before."""

log = logs.get("site")


class Line(msgspec.Struct, frozen=True):
    """An audit line; it holds no text of a log and none of an exception."""

    at: datetime
    run: str
    type: str
    outcome: Literal["answered", "refused", "failed", "abandoned"]
    job: str = ""
    round: int = 0
    bundle: str = ""
    reason: str = ""
    sites: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    told: tuple[str, ...] = ()
    """Names of the numbers that left."""
    weights: str = ""
    """Digest of the weights that left; empty where none did, or under a mask."""
    seconds: float = 0.0


class Audit:
    """Appends lines to a file of the site's own, each on disk before the reply leaves."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, line: Line) -> None:
        """Append a line."""
        if self._path.exists() and self._path.stat().st_size > MOST:
            self._path.replace(self._path.with_name(self._path.name + ".1"))
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "ab") as file:
            file.write(wire.encode(line) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        log.info(
            "message_handled",
            outcome=line.outcome,
            type=line.type,
            job=line.job,
            round=line.round,
            reason=line.reason,
            seconds=line.seconds,
        )
