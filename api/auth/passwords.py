"""Passwords: bcrypt over a digest, so that long ones count to their last character and a NUL byte ends nothing.

The digest is an HMAC with a name of ours: plain SHA-256 sums that leaked elsewhere cannot be tried against our hashes.
Length and no composition rules: NIST SP 800-63B-4, section 3.1.1.
"""

import asyncio
import base64
import hashlib
import hmac
import re
import unicodedata
from typing import Final

import bcrypt

from api.errors import InvalidInput

SHORTEST: Final = 12
LONGEST: Final = 1024
"""Characters."""
FEWEST_KINDS: Final = 5
AT_ONCE: Final = 2
"""Passwords that are hashed at the same time: each takes a core for a quarter of a second."""
NAME: Final = b"deepsentry password v1"
ROUNDS: Final = re.compile(rb"\$2b\$(\d\d)\$")


class Passwords:
    """Hashes and verifies, in threads; `rounds` is bcrypt's cost."""

    def __init__(self, rounds: int) -> None:
        self._rounds = rounds
        # a hash of the right cost that nothing has: who is unknown costs as much time as who errs
        self._nobody = b"$2b$%02d$" % rounds + b"." * 21 + b"u" + b"." * 31
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def hash(self, password: str) -> bytes:
        """Return what may be stored."""
        async with self._turn:
            return await asyncio.to_thread(bcrypt.hashpw, digest(password), bcrypt.gensalt(self._rounds))

    async def verify(self, password: str, kept: bytes | None) -> bool:
        """Tell whether the password is the one that was kept; None: there is nobody, which takes as long."""
        async with self._turn:
            right = await asyncio.to_thread(bcrypt.checkpw, digest(password), kept or self._nobody)
        return right and kept is not None

    def outdated(self, kept: bytes) -> bool:
        """Tell whether a hash is cheaper than those that are made now."""
        found = ROUNDS.match(kept)
        return found is None or int(found[1]) < self._rounds


def digest(password: str) -> bytes:
    """Return 44 characters that depend on every one of the password, however it was typed (NFKC)."""
    said = unicodedata.normalize("NFKC", password).encode()
    return base64.b64encode(hmac.digest(NAME, said, hashlib.sha256))


def acceptable(password: str, *about: str, where: str = "body.password") -> None:
    """Raise InvalidInput for a password that is too short, too simple, or what everybody knows of its owner."""
    folded = password.casefold()
    if not SHORTEST <= len(password) <= LONGEST:
        raise InvalidInput({where: f"between {SHORTEST} and {LONGEST} characters"})
    if len(set(folded)) < FEWEST_KINDS:
        raise InvalidInput({where: f"at least {FEWEST_KINDS} different characters"})
    known = {part for text in about for part in re.split(r"[@.\s_-]+", text.casefold()) if len(part) > FEWEST_KINDS}
    if any(folded.replace(part, "") != folded and len(folded.replace(part, "")) < SHORTEST for part in known):
        raise InvalidInput({where: "it is little more than the name or the address"})
