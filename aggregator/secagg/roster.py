"""The pinned signing keys of a federation's sites: distributed by people, never by the server."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from aggregator.secagg.primitives import pack, verified
from deepsentry import wire
from deepsentry.errors import DataError, WireError

MAX_SITES: Final = 1_000
MAX_BYTES: Final = 1 << 20
NAME: Final = r"\A[a-z0-9][a-z0-9._-]{0,63}\Z"

Name = Annotated[str, msgspec.Meta(pattern=NAME)]
"""A site, as people and keys know it."""


class RosterFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """roster.json. A site that is revoked is taken out; a key that is rotated is replaced, at every site."""

    sites: Annotated[dict[Name, str], msgspec.Meta(max_length=MAX_SITES)]
    """Name -> public key on P-384, PEM."""


@dataclass(frozen=True, slots=True)
class Roster:
    """Whose signatures count."""

    keys: Mapping[str, ec.EllipticCurvePublicKey] = field(repr=False)

    def signed(self, name: str, signature: bytes, statement: bytes) -> bool:
        """Tell whether the site of that name signed `statement`; a name that is not on the roster never did."""
        key = self.keys.get(name)
        return key is not None and verified(key, signature, statement)

    def fingerprint(self) -> str:
        """Return the SHA-256 over names and keys, for people to compare by another way than the server."""
        parts = [part for name in sorted(self.keys) for part in (name.encode(), _der(self.keys[name]))]
        return hashlib.sha256(pack(*parts)).hexdigest()


def read_roster(path: Path) -> Roster:
    """Return the roster in a file. Raises DataError with what is wrong."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        message = f"roster {path}: {error.strerror}"
        raise DataError(message) from None
    if len(data) > MAX_BYTES:
        message = f"roster {path} has more than {MAX_BYTES} bytes"
        raise DataError(message)
    try:
        return roster(wire.decode(RosterFile, data).sites)
    except (WireError, DataError) as error:
        message = f"roster {path}: {error}"
        raise DataError(message) from None


def roster(sites: Mapping[str, str]) -> Roster:
    """Return the roster of names and public keys in PEM. Raises DataError; one key under two names is refused."""
    keys = {name: _public(name, pem) for name, pem in sites.items()}
    owners: dict[bytes, str] = {}
    for name, key in keys.items():
        if (other := owners.setdefault(_der(key), name)) != name:
            message = f"{name} and {other} have the same key; each site makes its own"
            raise DataError(message)
    return Roster(keys)


def create_signing_key() -> bytes:
    """Return a new private key as PEM. It is made at the site and stays there (mode 600)."""
    return ec.generate_private_key(ec.SECP384R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def signing_key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    """Return the private key in PEM. Raises DataError, which never quotes it."""
    try:
        key = serialization.load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        message = "the signing key is not a private key in PEM without a password"
        raise DataError(message) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP384R1):
        message = "the signing key is not one on the curve P-384"
        raise DataError(message)
    return key


def public_pem(key: ec.EllipticCurvePrivateKey) -> str:
    """Return what the roster of the others holds."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def _public(name: str, pem: str) -> ec.EllipticCurvePublicKey:
    try:
        key = serialization.load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        message = f"the key of {name} is not a public key in PEM"
        raise DataError(message) from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP384R1):
        message = f"the key of {name} is not one on the curve P-384"
        raise DataError(message)
    return key


def _der(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
