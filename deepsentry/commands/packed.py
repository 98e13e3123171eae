"""Log files that are packed: written gzip or zstd, by the name's ending."""

import gzip
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Protocol, Self, cast

import cramjam

GATHERED: Final = 1 << 20
"""Bytes that are packed at once."""


class Sink(Protocol):
    """Takes bytes, and keeps them all when it is left."""

    def write(self, data: bytes, /) -> int:
        """Take `data` and return how many bytes it has."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> bool | None: ...


class ZstdFile:
    """A file that is written as one zstd frame. Raises OSError."""

    def __init__(self, path: Path) -> None:
        self._file: Final = path.open("wb")
        self._compressor: Final = cramjam.zstd.Compressor()
        self._waiting = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        with self._file:
            if kind is None:
                self._file.write(bytes(self._compressor.finish()))

    def write(self, data: bytes, /) -> int:
        """Pack `data`; it reaches the file a piece at a time."""
        self._compressor.compress(data)
        self._waiting += len(data)
        if self._waiting >= GATHERED:
            self._file.write(bytes(self._compressor.flush()))
            self._waiting = 0
        return len(data)


def create(path: Path, name: str) -> Sink:
    """Open `path` for writing, packed as the ending of `name` says. Raises OSError."""
    if name.endswith(".gz"):
        return cast("IO[bytes]", gzip.open(path, "wb"))
    return ZstdFile(path) if name.endswith(".zst") else path.open("wb")
