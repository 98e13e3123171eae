"""Files of a version on disk: written once, bounded when read, and a lock for those that change an alias."""

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from deepsentry.errors import VersionRefused
from models.artifact import LIMITS, OPTIONAL


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of `folder`; whoever reads an alias to write another one waits, in this process or elsewhere."""
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def write(path: Path, data: bytes) -> None:
    """Write a new file, and return when the disk has it."""
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync(folder: Path) -> None:
    """Return when the disk has the names in `folder`."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def bounded(path: Path, limit: int) -> bytes:
    """Return the bytes of a regular file that is no link and no larger than `limit`."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with contextlib.closing(os.fdopen(descriptor, "rb")) as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            message = f"{path.name} is not a regular file"
            raise VersionRefused(message)
        data = file.read(limit + 1)
    if len(data) > limit:
        message = f"{path.name} is larger than {limit} bytes"
        raise VersionRefused(message)
    return data


def read(folder: Path) -> dict[str, bytes]:
    """Return the files of a version folder. Raises VersionRefused for anything that does not belong there."""
    if folder.is_symlink() or not folder.is_dir():
        message = "is not a folder of its own"
        raise VersionRefused(message)
    present = {p.name for p in folder.iterdir()}
    if present - set(OPTIONAL) != set(LIMITS):
        odd = sorted((present - set(OPTIONAL)) ^ set(LIMITS))
        message = f"is half-written or not ours: {', '.join(odd[:5])} missing or unexpected"
        raise VersionRefused(message)
    files = {}
    for name, limit in (LIMITS | {name: limit for name, limit in OPTIONAL.items() if name in present}).items():
        try:
            files[name] = bounded(folder / name, limit)
        except OSError as error:
            message = f"{name} cannot be read: {error.strerror}"
            raise VersionRefused(message) from None
    return files
