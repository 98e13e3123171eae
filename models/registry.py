"""Versions of models as folders: root/<name>/<n>/, written once, and aliases that move atomically."""

import contextlib
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from deepsentry.errors import DataError, VersionMissing, VersionRefused, WireError
from deepsentry.events import ModelReference
from deepsentry.wire import decode, pretty
from models.artifact import LIMITS, METADATA, OPTIONAL, Metadata, TrainedVersion, from_files, sha256, to_files
from models.detector import Detector

CHAMPION: Final = "champion"
_ALIASES: Final = "aliases.json"
_ALIASES_LIMIT: Final = 1 << 16
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_VERSION: Final = re.compile(r"[1-9][0-9]{0,8}")


class _Aliases(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """aliases.json: alias -> version."""

    aliases: dict[str, ModelReference] = {}


@dataclass(frozen=True, slots=True)
class Listed:
    """A version in a listing; `metadata` is None where it is `refused`, with the reason."""

    version: int
    aliases: tuple[str, ...]
    metadata: Metadata | None
    digest: str
    refused: str = ""


class Registry:
    """Saves, lists, loads and promotes versions under one folder. Several processes may share it."""

    def __init__(self, root: Path, clock: Callable[[], float] = time.time) -> None:
        self.root = root
        self._clock = clock

    def save(self, name: str, version: TrainedVersion) -> ModelReference:
        """Write a new version and return its reference; the first of a name becomes champion. Raises DataError."""
        created_at = datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="seconds")
        files = to_files(version, created_at)
        folder = self._folder(name)
        staging = folder / f".staging-{secrets.token_hex(8)}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            staging.mkdir()
            for file, data in files.items():
                _write(staging / file, data)
            _sync(staging)
            number = self._publish(folder, staging)
        except OSError as error:
            shutil.rmtree(staging, ignore_errors=True)  # a full disk stays full of what it could not hold
            message = f"cannot write a version under {folder}: {error.strerror}"
            raise DataError(message) from None
        reference = ModelReference(name, number, sha256(files[METADATA]))
        if self.champion(name) is None:
            self._point(name, CHAMPION, reference)
        return reference

    def load(self, name: str, version: int) -> Detector:
        """Return the detector of a version. Raises VersionMissing or VersionRefused, with the reason."""
        trained, reference = self.read(name, version)
        return Detector(trained, reference)

    def read(self, name: str, version: int) -> tuple[TrainedVersion, ModelReference]:
        """Return a version as it was saved. Raises VersionMissing or VersionRefused, with the reason."""
        folder = self._folder(name) / str(version)
        if version < 1 or not folder.exists():
            message = f"there is no version {version} of {name}; `deepsentry models list` shows what there is"
            raise VersionMissing(message)
        try:
            files = _read(folder)
            trained = from_files(files)
        except VersionRefused as error:
            message = f"{name} {version}: {error}"
            raise VersionRefused(message) from None
        digest = sha256(files[METADATA])
        for alias, pointed in self._aliases(name).aliases.items():
            if pointed.version == version and pointed.digest != digest:
                message = f"{name} {version}: {METADATA} changed since it became {alias}"
                raise VersionRefused(message)
        return trained, ModelReference(name, version, digest)

    def champion(self, name: str) -> ModelReference | None:
        """Return what the alias `champion` points to; None before the first version. Raises VersionRefused."""
        return self._aliases(name).aliases.get(CHAMPION)

    def promote(self, name: str, version: int, alias: str = CHAMPION) -> ModelReference:
        """Point `alias` to a version that can be read. Raises VersionMissing or VersionRefused."""
        if not _NAME.fullmatch(alias):
            message = f"{alias!r} is no alias: small letters, digits and hyphens, at most 63"
            raise DataError(message)
        _, reference = self.read(name, version)
        self._point(name, alias, reference)
        return reference

    def versions(self, name: str) -> list[Listed]:
        """Return all versions of a name, the oldest first; those that cannot be read with the reason."""
        pointed = self._aliases(name).aliases
        found = []
        for number in self._numbers(self._folder(name)):
            aliases = tuple(sorted(alias for alias, to in pointed.items() if to.version == number))
            try:
                trained, reference = self.read(name, number)
            except VersionRefused as error:
                found.append(Listed(number, aliases, None, "", str(error)))
            else:
                found.append(Listed(number, aliases, trained.metadata, reference.digest))
        return found

    def names(self) -> list[str]:
        """Return the names that have a folder."""
        if not self.root.is_dir():
            return []
        return sorted(p.name for p in self.root.iterdir() if _NAME.fullmatch(p.name) and p.is_dir())

    def _folder(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            message = f"{name!r} is no model name: small letters, digits and hyphens, at most 63"
            raise VersionMissing(message)
        return self.root / name

    def _numbers(self, folder: Path) -> list[int]:
        if not folder.is_dir():
            return []
        return sorted(int(p.name) for p in folder.iterdir() if _VERSION.fullmatch(p.name))

    def _publish(self, folder: Path, staging: Path) -> int:
        """Give the staged folder the next free number; a folder that holds files cannot be renamed over."""
        number = max(self._numbers(folder), default=0) + 1
        while True:
            try:
                staging.rename(folder / str(number))
            except (FileExistsError, NotADirectoryError):
                number += 1
            except OSError as error:
                if not (folder / str(number)).exists():
                    raise
                number += 1
                del error
            else:
                _sync(folder)
                return number

    def _aliases(self, name: str) -> _Aliases:
        path = self._folder(name) / _ALIASES
        try:
            data = _bounded(path, _ALIASES_LIMIT)
            return decode(_Aliases, data)
        except FileNotFoundError:
            return _Aliases()
        except (WireError, OSError) as error:
            message = f"{name}: {_ALIASES} cannot be read: {error}"
            raise VersionRefused(message) from None

    def _point(self, name: str, alias: str, reference: ModelReference) -> None:
        folder = self._folder(name)
        aliases = _Aliases({**self._aliases(name).aliases, alias: reference})
        beside = folder / f".{_ALIASES}-{secrets.token_hex(8)}"
        try:
            _write(beside, pretty(aliases).encode())
            beside.replace(folder / _ALIASES)
            _sync(folder)
        except OSError as error:
            message = f"cannot move the alias {alias} under {folder}: {error.strerror}"
            raise DataError(message) from None


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _bounded(path: Path, limit: int) -> bytes:
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


def _read(folder: Path) -> dict[str, bytes]:
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
            files[name] = _bounded(folder / name, limit)
        except OSError as error:
            message = f"{name} cannot be read: {error.strerror}"
            raise VersionRefused(message) from None
    return files
