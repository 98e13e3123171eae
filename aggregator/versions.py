"""Global versions: the shared weights of jobs that passed their gate. A site makes a version of its own from one."""

import re
import secrets
import shutil
from pathlib import Path
from typing import Final

import msgspec

from aggregator.durable import write
from deepsentry import wire
from deepsentry.errors import FederationError, VersionMissing, VersionRefused, WireError
from deepsentry.events import ModelReference
from models.shared import MOST_BYTES, Weights, digest, from_bytes, to_bytes

WEIGHTS: Final = "weights.safetensors"
FACTS: Final = "version.json"
_MOST_FACTS: Final = 1 << 20
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


class GlobalVersion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """version.json: where global weights come from."""

    name: str
    job: str
    digest: str
    """SHA-256 of the weights: names, shapes and values."""
    base: str
    """Digest of the embedding that all sites have in common."""
    created_at: str
    rounds: int
    sites: tuple[str, ...]
    """Those whose weights or whose share of the sum are in it."""
    strategy: str
    secure: bool
    epsilon: float | None
    """The most that a site spent; None where no noise was added."""
    delta: float
    unit: str
    gate: dict[str, float]
    """What it was measured with: mean and worst AUC, and that of the version before."""


class Versions:
    """root/<name>/<n>/: written once."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def save(self, version: GlobalVersion, weights: Weights) -> ModelReference:
        """Write a new version and return its reference; its digest is that of the weights."""
        folder = self._folder(version.name)
        folder.mkdir(parents=True, exist_ok=True)
        staging = folder / f".staging-{secrets.token_hex(8)}"
        staging.mkdir()
        try:
            write(staging / WEIGHTS, to_bytes(weights))
            write(staging / FACTS, wire.pretty(version).encode())
            number = max(self.numbers(version.name), default=0) + 1
            while (folder / str(number)).exists():
                number += 1
            staging.rename(folder / str(number))
        except OSError as error:
            shutil.rmtree(staging, ignore_errors=True)
            message = f"cannot write a global version under {folder}: {error.strerror}"
            raise FederationError(message) from None
        return ModelReference(version.name, number, version.digest)

    def read(self, name: str, number: int) -> tuple[GlobalVersion, Weights]:
        """Return a version. Raises VersionMissing or VersionRefused."""
        folder = self._folder(name) / str(number)
        try:
            facts = (folder / FACTS).read_bytes()[:_MOST_FACTS]
            with (folder / WEIGHTS).open("rb") as file:
                data = file.read(MOST_BYTES + 1)
        except OSError:
            message = f"there is no global version {number} of {name}"
            raise VersionMissing(message) from None
        try:
            version = wire.decode(GlobalVersion, facts)
        except WireError as error:
            message = f"{name} {number}: {FACTS}: {error}"
            raise VersionRefused(message) from None
        weights = from_bytes(data)
        if digest(weights) != version.digest:
            message = f"{name} {number}: {WEIGHTS} does not have the digest that {FACTS} states"
            raise VersionRefused(message)
        return version, weights

    def latest(self, name: str) -> tuple[GlobalVersion, Weights] | None:
        """Return the newest version of a name."""
        numbers = self.numbers(name)
        return self.read(name, numbers[-1]) if numbers else None

    def numbers(self, name: str) -> list[int]:
        """Return the versions of a name, the oldest first."""
        folder = self._folder(name)
        return sorted(int(p.name) for p in folder.iterdir() if p.name.isdigit()) if folder.is_dir() else []

    def names(self) -> list[str]:
        """Return the names that have versions."""
        return sorted(p.name for p in self.root.iterdir() if _NAME.fullmatch(p.name)) if self.root.is_dir() else []

    def _folder(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            message = f"{name[:63]!r} is no model name: small letters, digits and hyphens, at most 63"
            raise VersionMissing(message)
        return self.root / name
