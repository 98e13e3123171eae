"""Tokens that say who asks: signed with Ed25519, short-lived, each kind for one purpose (RFC 7519, 8725, 9068)."""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final, Literal, NamedTuple

import jwt

from api.auth.keys import KeyRing
from api.errors import Unknown

ALGORITHM: Final = "EdDSA"
Purpose = Literal["access", "refresh", "code"]
TYPES: Final[dict[Purpose, str]] = {"access": "at+jwt", "refresh": "refresh+jwt", "code": "code+jwt"}
CLAIMS: Final = {"sub": str, "sid": str, "jti": str, "num": int}
LONGEST: Final = 4096
"""Characters of a token that is looked at."""
MOST_KNOWN: Final = 10_000
SKEW: Final = timedelta(seconds=5)
"""How far the clocks of the processes may differ."""


class Claims(NamedTuple):
    """What a token says: who, in which session, the how manyeth of its session, and its own id."""

    subject: str
    session: str
    number: int
    id: str
    expires_at: datetime


class Tokens:
    """Issues and verifies; `now` is the wall clock, in UTC."""

    def __init__(self, keys: KeyRing, issuer: str, now: Callable[[], datetime], new_id: Callable[[], str]) -> None:
        self._keys = keys
        self._issuer = issuer
        self._now = now
        self._new_id = new_id
        self._known: dict[bytes, tuple[str, dict[str, Any]]] = {}
        """Digest of a token -> the key that signed it, and its claims; those that were looked at last."""

    def issue(self, purpose: Purpose, subject: str, session: str, life: timedelta, number: int = 0) -> str:
        """Return a token for `purpose`."""
        now, pair = self._now(), self._keys.newest
        claims = {
            "iss": self._issuer,
            "aud": _audience(purpose),
            "sub": subject,
            "sid": session,
            "num": number,
            "jti": self._new_id(),
            "iat": int(now.timestamp()),
            "exp": int((now + life).timestamp()),
        }
        return jwt.encode(claims, pair.private, ALGORITHM, {"kid": pair.kid, "typ": TYPES[purpose]})

    def verify(self, purpose: Purpose, token: str) -> Claims:
        """Return what a token says. Raises Unknown, always with the same words."""
        try:
            found = self._held(purpose, token)
            expires = datetime.fromtimestamp(found["exp"], self._now().tzinfo)
            issued = datetime.fromtimestamp(found["iat"], self._now().tzinfo)
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, OSError, RecursionError):
            raise Unknown(NOT_HELD) from None
        if not all(isinstance(found[name], kind) for name, kind in CLAIMS.items()):
            raise Unknown(NOT_HELD)
        if not issued - SKEW <= self._now() < expires:
            raise Unknown(NOT_HELD)
        return Claims(found["sub"], found["sid"], found["num"], found["jti"], expires)

    def _held(self, purpose: Purpose, token: str) -> dict[str, Any]:
        """Return the claims of a token whose signature holds: looked at once, for it is sent with every request."""
        digest = hashlib.sha256(f"{purpose} {token}".encode()).digest()
        kid, found = self._known.get(digest, ("", None))
        if found is None or self._keys.public(kid) is None:
            kid, found = self._decoded(purpose, token)
            self._known[digest] = kid, found
            if len(self._known) > MOST_KNOWN:
                del self._known[next(iter(self._known))]
        return found

    def _decoded(self, purpose: Purpose, token: str) -> tuple[str, dict[str, Any]]:
        if len(token) > LONGEST:
            raise Unknown(NOT_HELD)
        header = jwt.get_unverified_header(token)
        if header.get("alg") != ALGORITHM or header.get("typ") != TYPES[purpose] or "crit" in header:
            raise Unknown(NOT_HELD)
        kid = str(header.get("kid"))
        public = self._keys.public(kid)
        if public is None:
            raise Unknown(NOT_HELD)
        return kid, jwt.decode(
            token,
            public,
            algorithms=[ALGORITHM],
            audience=_audience(purpose),
            issuer=self._issuer,
            options={
                "require": ["exp", "iat", "sub", "sid", "num", "jti", "aud", "iss"],
                "strict_aud": True,
                "verify_exp": False,  # by our clock, above
                "verify_iat": False,
            },
        )


NOT_HELD: Final = "the token does not hold; sign in again"


def _audience(purpose: Purpose) -> str:
    return f"deepsentry:{purpose}"
