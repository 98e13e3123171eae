"""Versions of models as folders: root/<name>/<n>/, written once, and aliases that move atomically."""

import re
import secrets
import shutil
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
from models.artifact import METADATA, Metadata, TrainedVersion, from_files, sha256, to_files
from models.detector import Detector
from models.folders import bounded, locked, read, sync, write

CHAMPION: Final = "champion"
CHALLENGER: Final = "challenger"
"""Scores beside the champion, and nobody is told what it finds."""
MOST_HISTORY: Final = 50
"""How far back an alias can be rolled."""
_ALIASES: Final = "aliases.json"
_ALIASES_LIMIT: Final = 1 << 16
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_ABANDONED: Final = 86_400.0
"""Seconds after which a version that was not finished is taken for one whose writer was killed."""
_VERSION: Final = re.compile(r"[1-9][0-9]{0,8}")


class _Aliases(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """aliases.json: alias -> version, and the versions that it pointed to before, the newest last."""

    aliases: dict[str, ModelReference] = {}
    history: dict[str, tuple[ModelReference, ...]] = {}

    def moved(self, alias: str, to: ModelReference) -> "_Aliases":
        """Return the same with `alias` at `to`; what it pointed to is remembered."""
        before = self.aliases.get(alias)
        past = self.history.get(alias, ())
        if before is not None and before != to:
            past = (*past, before)[-MOST_HISTORY:]
        return _Aliases({**self.aliases, alias: to}, {**self.history, alias: past} if past else self.history)


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
        reference = self.add(name, version)
        with locked(self._folder(name)):
            if self.champion(name) is None:
                self._point(name, CHAMPION, reference)
        return reference

    def add(self, name: str, version: TrainedVersion) -> ModelReference:
        """Write a new version, which no alias points to, and return its reference. Raises DataError."""
        return self._write(
            name, to_files(version, datetime.fromtimestamp(self._clock(), UTC).isoformat("T", "seconds"))
        )

    def bring(self, name: str, files: dict[str, bytes]) -> ModelReference:
        """Add the version in `files` as it is; one that is there already is not added twice.

        Raises VersionRefused where they are no version, DataError where they cannot be written.
        """
        from_files(files)
        digest = sha256(files[METADATA])
        for number in self._numbers(self._folder(name)):
            reference = ModelReference(name, number, digest)
            try:
                if self.read(name, number)[1] == reference:
                    return reference
            except VersionRefused:
                continue
        return self._write(name, files)

    def files(self, name: str, version: int) -> dict[str, bytes]:
        """Return the files of a version that can be read. Raises VersionMissing or VersionRefused."""
        return self._checked(name, version)[0]

    def load(self, name: str, version: int) -> Detector:
        """Return the detector of a version. Raises VersionMissing or VersionRefused, with the reason."""
        trained, reference = self.read(name, version)
        return Detector(trained, reference)

    def read(self, name: str, version: int) -> tuple[TrainedVersion, ModelReference]:
        """Return a version as it was saved. Raises VersionMissing or VersionRefused, with the reason."""
        files, trained = self._checked(name, version)
        return trained, ModelReference(name, version, sha256(files[METADATA]))

    def champion(self, name: str) -> ModelReference | None:
        """Return what the alias `champion` points to; None before the first version. Raises VersionRefused."""
        return self.pointed(name, CHAMPION)

    def pointed(self, name: str, alias: str) -> ModelReference | None:
        """Return what `alias` points to, None where it does not stand. Raises VersionRefused."""
        return self._aliases(name).aliases.get(alias)

    def history(self, name: str, alias: str = CHAMPION) -> tuple[ModelReference, ...]:
        """Return what `alias` pointed to before, the newest last. Raises VersionRefused."""
        return self._aliases(name).history.get(alias, ())

    def promote(self, name: str, version: int, alias: str = CHAMPION) -> ModelReference:
        """Point `alias` to a version that can be read. Raises VersionMissing or VersionRefused."""
        if not _NAME.fullmatch(alias):
            message = f"{alias!r} is no alias: small letters, digits and hyphens, at most 63"
            raise DataError(message)
        _, reference = self.read(name, version)
        with locked(self._folder(name)):
            self._point(name, alias, reference)
        return reference

    def roll_back(self, name: str, alias: str = CHAMPION) -> ModelReference:
        """Point `alias` to what it pointed to before; each call goes one step further back.

        Raises VersionMissing where there was nothing before, VersionRefused where that cannot be read any more.
        """
        if not self._folder(name).is_dir():
            message = f"there is no model {name}; `deepsentry models list` shows what there is"
            raise VersionMissing(message)
        with locked(self._folder(name)):
            found = self._aliases(name)
            past = found.history.get(alias, ())
            if not past:
                message = f"{alias} of {name} pointed to no other version before; promote one by its number"
                raise VersionMissing(message)
            if self.read(name, past[-1].version)[1] != past[-1]:
                message = f"{name} {past[-1].version} is not what {alias} pointed to; promote another by its number"
                raise VersionRefused(message)
            earlier = {**found.history, alias: past[:-1]}
            self._replace(name, alias, _Aliases({**found.aliases, alias: past[-1]}, earlier))
        return past[-1]

    def retire(self, name: str, alias: str) -> ModelReference | None:
        """Take `alias` away and return what it pointed to, None where it did not stand. Raises DataError."""
        if alias == CHAMPION:
            message = f"{CHAMPION} of {name} cannot be taken away: something has to judge; promote another version"
            raise DataError(message)
        if not self._folder(name).is_dir():
            return None
        with locked(self._folder(name)):
            found = self._aliases(name)
            left = {each: to for each, to in found.aliases.items() if each != alias}
            past = {each: to for each, to in found.history.items() if each != alias}
            if alias in found.aliases:
                self._replace(name, alias, _Aliases(left, past))
        return found.aliases.get(alias)

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
                sync(folder)
                return number

    def _aliases(self, name: str) -> _Aliases:
        path = self._folder(name) / _ALIASES
        try:
            data = bounded(path, _ALIASES_LIMIT)
            return decode(_Aliases, data)
        except FileNotFoundError:
            return _Aliases()
        except (WireError, OSError) as error:
            message = f"{name}: {_ALIASES} cannot be read: {error}"
            raise VersionRefused(message) from None

    def _point(self, name: str, alias: str, reference: ModelReference) -> None:
        self._replace(name, alias, self._aliases(name).moved(alias, reference))

    def _replace(self, name: str, alias: str, aliases: _Aliases) -> None:
        folder = self._folder(name)
        beside = folder / f".{_ALIASES}-{secrets.token_hex(8)}"
        try:
            write(beside, pretty(aliases).encode())
            beside.replace(folder / _ALIASES)
            sync(folder)
        except OSError as error:
            message = f"cannot move the alias {alias} under {folder}: {error.strerror}"
            raise DataError(message) from None

    def _write(self, name: str, files: dict[str, bytes]) -> ModelReference:
        folder = self._folder(name)
        staging = folder / f".staging-{secrets.token_hex(8)}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for left in folder.glob(".staging-*"):
                if self._clock() - left.stat().st_mtime > _ABANDONED:
                    shutil.rmtree(left, ignore_errors=True)
            staging.mkdir()
            for file, data in files.items():
                write(staging / file, data)
            sync(staging)
            number = self._publish(folder, staging)
        except OSError as error:
            shutil.rmtree(staging, ignore_errors=True)  # a full disk stays full of what it could not hold
            message = f"cannot write a version under {folder}: {error.strerror}"
            raise DataError(message) from None
        return ModelReference(name, number, sha256(files[METADATA]))

    def _checked(self, name: str, version: int) -> tuple[dict[str, bytes], TrainedVersion]:
        folder = self._folder(name) / str(version)
        if version < 1 or not folder.exists():
            message = f"there is no version {version} of {name}; `deepsentry models list` shows what there is"
            raise VersionMissing(message)
        try:
            files = read(folder)
            trained = from_files(files)
        except VersionRefused as error:
            message = f"{name} {version}: {error}"
            raise VersionRefused(message) from None
        for alias, pointed in self._aliases(name).aliases.items():
            if pointed.version == version and pointed.digest != sha256(files[METADATA]):
                message = f"{name} {version}: {METADATA} changed since it became {alias}"
                raise VersionRefused(message)
        return files, trained
