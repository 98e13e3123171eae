"""Files that survive a power cut, and that nobody reads half of."""

import os
from pathlib import Path

from models.folders import sync


def write(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Write a file so that readers see the old one or the new, never neither; return when the disk has it.

    Raises OSError.
    """
    beside = path.with_name(f".{path.name}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    sync(path.parent)
