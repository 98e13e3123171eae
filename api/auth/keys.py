"""The keys of the house, in a folder that its processes share: pairs that sign tokens, one key that seals secrets.

`20261126T220000Z-<kid>.pem` is an Ed25519 pair; the newest signs, every one verifies, so that a new one can come while
tokens of the old still live. `seal.key` is never replaced: what it sealed could not be opened any more.
"""

import hashlib
import itertools
import os
import secrets
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from deepsentry.errors import SettingsError

STAMP: Final = "%Y%m%dT%H%M%SZ"
SEAL: Final = "seal.key"
LOOK_AGAIN: Final = 5.0
"""Seconds, at least, between two looks into the folder: unknown key ids come from strangers."""
NONCE: Final = 12


class Pair(NamedTuple):
    """A signing key; `kid` is the beginning of the SHA-256 of its public half."""

    kid: str
    private: Ed25519PrivateKey
    public: Ed25519PublicKey


class KeyRing:
    """Signs with the newest pair, verifies with every one; looks for new ones at a `kid` that it does not know."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._clock = clock
        self._pairs: dict[str, Pair] = {}
        self._looked_at = -LOOK_AGAIN
        self._look()
        if not self._pairs:
            message = f"{folder} holds no signing key; `deepsentry keys create` makes one"
            raise SettingsError(message)

    @property
    def newest(self) -> Pair:
        """The pair that signs."""
        self._look()
        return next(reversed(self._pairs.values()))

    def public(self, kid: str) -> Ed25519PublicKey | None:
        """Return the public key with this id, None where there is none."""
        if kid not in self._pairs:
            self._look()
        pair = self._pairs.get(kid)
        return pair.public if pair else None

    def _look(self) -> None:
        if self._clock() - self._looked_at < LOOK_AGAIN:
            return
        self._looked_at = self._clock()
        found = [_read(path) for path in sorted(self._folder.glob("*-*.pem"))]
        if found or not self._pairs:
            self._pairs = {pair.kid: pair for pair in found}


class Seal:
    """Seals secrets that stand in the store (AES-256-GCM); `about` binds a secret to its place."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def close(self, secret: bytes, about: str) -> bytes:
        """Return what may be stored."""
        nonce = secrets.token_bytes(NONCE)
        return nonce + self._cipher.encrypt(nonce, secret, about.encode())

    def open(self, sealed: bytes, about: str) -> bytes | None:
        """Return the secret, None where it was sealed with another key or for another place."""
        try:
            return self._cipher.decrypt(sealed[:NONCE], sealed[NONCE:], about.encode())
        except (InvalidTag, ValueError):
            return None


def create(folder: Path, now: datetime) -> str:
    """Make a new signing key, and the seal where there is none; return the key's id."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not (folder / SEAL).exists():
        _write(folder / SEAL, secrets.token_hex(32).encode())
    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    kid = _kid(private.public_key())
    _write(folder / f"{now.strftime(STAMP)}-{kid}.pem", pem)
    return kid


def ensure(folder: Path, now: datetime) -> None:
    """Make the folder's keys where there are none."""
    if not list(folder.glob("*-*.pem")) or not (folder / SEAL).exists():
        create(folder, now)


def retire(folder: Path, now: datetime, longest_life: timedelta) -> list[str]:
    """Remove pairs that signed nothing which still lives: those whose successor is older than a token can be."""
    paths = sorted(folder.glob("*-*.pem"))
    gone = []
    for path, successor in itertools.pairwise(paths):
        made = datetime.strptime(successor.name.partition("-")[0], STAMP).replace(tzinfo=now.tzinfo)
        if now - made > longest_life:
            path.unlink()
            gone.append(path.stem.partition("-")[2])
    return gone


def seal_of(folder: Path) -> Seal:
    """Return the folder's seal. Raises SettingsError."""
    try:
        return Seal(bytes.fromhex((folder / SEAL).read_text(encoding="ascii").strip()))
    except (OSError, ValueError) as error:
        message = f"{folder / SEAL}: {type(error).__name__}; `deepsentry keys create` makes one"
        raise SettingsError(message) from None


def _read(path: Path) -> Pair:
    try:
        private = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError) as error:
        message = f"{path}: {type(error).__name__}: not a private key in PEM"
        raise SettingsError(message) from None
    if not isinstance(private, Ed25519PrivateKey):
        message = f"{path}: not an Ed25519 key; no other kind signs here"
        raise SettingsError(message)
    return Pair(_kid(private.public_key()), private, private.public_key())


def _kid(public: Ed25519PublicKey) -> str:
    return hashlib.sha256(public.public_bytes_raw()).hexdigest()[:16]


def _write(path: Path, data: bytes) -> None:
    beside = path.with_suffix(f".{secrets.token_hex(4)}.part")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(beside, path)  # never over one that another process made meanwhile
    except FileExistsError:
        pass
    finally:
        beside.unlink()
