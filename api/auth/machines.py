"""The form of a program's key: `dsk_<id>_<secret>`; the id finds it, the secret proves it."""

import hashlib
import hmac
import re
import secrets
from typing import Final, NamedTuple

PREFIX: Final = "dsk_"
FORM: Final = re.compile(r"dsk_([0-9a-f]{32})_([A-Za-z0-9_-]{43})")


class Parsed(NamedTuple):
    """The two halves of a key."""

    id: str
    secret: str


def make(id_: str) -> tuple[str, bytes]:
    """Return a new key for people to copy, and the digest to keep."""
    secret = secrets.token_urlsafe(32)
    return f"{PREFIX}{id_}_{secret}", digest(secret)


def parse(text: str) -> Parsed | None:
    """Return the halves of a key, None where it has not the form."""
    found = FORM.fullmatch(text)
    return Parsed(*found.groups()) if found else None


def digest(secret: str) -> bytes:
    """Return what is kept of a secret."""
    return hashlib.sha256(secret.encode()).digest()


def proves(secret: str, kept: bytes) -> bool:
    """Tell, in constant time, whether the secret is the one."""
    return hmac.compare_digest(digest(secret), kept)
