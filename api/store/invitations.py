"""Invitations to become a user, and to choose a new password; each is good once."""

import hashlib
import secrets
from datetime import datetime
from typing import Final

from api.roles import Role
from api.store.collection import Change, Store, Stored
from api.store.where import above, equal

PREFIX: Final = "dsi_"


class Invitation(Stored, frozen=True, kw_only=True):
    """An invitation; its token is kept as SHA-256 only, which 256 random bits allow."""

    email: str
    role: Role
    digest: bytes
    created_at: datetime
    created_by: str
    expires_at: datetime
    user: str = ""
    """Whose password is chosen anew; empty: a new user is made."""
    used: bool = False


class Invitations:
    """The collection of invitations."""

    def __init__(self, store: Store) -> None:
        self.all = store.collection("invitations", Invitation)

    async def open(self, token: str, now: datetime) -> Invitation | None:
        """Return the invitation that a token opens."""
        return await self.all.get(equal("digest", digest(token)), equal("used", value=False), above("expires_at", now))

    async def take(self, invitation: Invitation) -> bool:
        """Use it; false where somebody was quicker."""
        used = Change(put={"used": True})
        return await self.all.update(used, equal("id", invitation.id), equal("used", value=False)) is not None


def new_token() -> str:
    """Return 256 random bits as text."""
    return PREFIX + secrets.token_urlsafe(32)


def digest(token: str) -> bytes:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode()).digest()
