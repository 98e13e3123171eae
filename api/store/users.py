"""People who may sign in."""

from datetime import datetime
from typing import Literal

from api.roles import Role
from api.store.collection import Change, Store, Stored
from api.store.where import equal
from deepsentry.errors import NotFound

State = Literal["active", "disabled", "erased"]


class User(Stored, frozen=True, kw_only=True):
    """A person; `email_key` is the address as it is compared, None once the data is erased."""

    email: str
    email_key: str | None
    name: str
    role: Role
    state: State
    created_at: datetime


def email_key(email: str) -> str:
    """Return an address as it is compared."""
    return email.strip().casefold()


class Users:
    """The collection of people."""

    def __init__(self, store: Store) -> None:
        self.all = store.collection("users", User)

    async def get(self, id_: str) -> User:
        """Return a person. Raises NotFound."""
        found = await self.all.get(equal("id", id_))
        if found is None:
            message = "no such user"
            raise NotFound(message)
        return found

    async def by_email(self, email: str) -> User | None:
        """Return the person with this address."""
        return await self.all.get(equal("email_key", email_key(email)))

    async def change(self, id_: str, change: Change) -> User:
        """Change a person whatever the revision. Raises NotFound."""
        found = await self.all.update(change, equal("id", id_))
        if found is None:
            message = "no such user"
            raise NotFound(message)
        return found
