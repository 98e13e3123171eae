"""How people prove who they are; apart from the people, so that no list of them carries it."""

from datetime import datetime

from api.store.collection import Change, Store, Stored
from api.store.where import below, equal
from deepsentry.errors import NotFound


class Credentials(Stored, frozen=True, kw_only=True):
    """A person's password and second factor; the id is the person's."""

    password: bytes
    """bcrypt, api/auth/passwords.py."""
    password_at: datetime
    totp: bytes = b""
    """The sealed secret; empty where no second factor is set up."""
    totp_pending: bytes = b""
    """A secret that was shown and not yet confirmed by a code."""
    totp_step: int = 0
    """The time step of the last code that was taken; only later ones are."""
    recovery: tuple[bytes, ...] = ()
    """Digests of the recovery codes that are left."""


class CredentialsOf:
    """The collection."""

    def __init__(self, store: Store) -> None:
        self.all = store.collection("credentials", Credentials)

    async def get(self, user: str) -> Credentials:
        """Return a person's. Raises NotFound."""
        found = await self.all.get(equal("id", user))
        if found is None:
            message = "no such user"
            raise NotFound(message)
        return found

    async def take_step(self, user: str, step: int) -> bool:
        """Take the code of a time step; false where that one or a later one was taken already."""
        change = Change(put={"totp_step": step})
        return await self.all.update(change, equal("id", user), below("totp_step", step)) is not None

    async def take_recovery(self, user: str, digest: bytes) -> bool:
        """Take a recovery code; false where it is not one of those that are left."""
        while found := await self.all.get(equal("id", user), equal("recovery", digest)):
            left = Change(put={"recovery": [each for each in found.recovery if each != digest]})
            if await self.all.update(left, equal("id", user), equal("revision", found.revision)):
                return True
        return False


class Spent(Stored, frozen=True, kw_only=True):
    """A temporary token that was used."""

    expires_at: datetime
