"""Sessions: one a sign-in; each refresh token is good once."""

from datetime import datetime
from typing import Final

from api.store.collection import Change, Store, Stored
from api.store.where import equal

MOST_SESSIONS: Final = 200


class Session(Stored, frozen=True, kw_only=True):
    """A sign-in; `number` is that of the one refresh token that is good now, those before it were used."""

    user: str
    number: int
    created_at: datetime
    refreshed_at: datetime
    expires_at: datetime
    """When it ends if it is not refreshed."""
    ends_at: datetime
    """When it ends however often it is refreshed."""
    address: str = ""
    agent: str = ""


class Sessions:
    """The collection of sessions; one that is over is not there."""

    def __init__(self, store: Store) -> None:
        self.all = store.collection("sessions", Session)

    async def of(self, user: str) -> list[Session]:
        """Return a person's sessions, the newest first."""
        return await self.all.find(equal("user", user), order=(("created_at", -1),), limit=MOST_SESSIONS)

    async def end(self, id_: str, user: str) -> bool:
        """End one of a person's."""
        return bool(await self.all.remove(equal("id", id_), equal("user", user)))

    async def end_all(self, user: str) -> int:
        """End all of a person's."""
        return await self.all.remove(equal("user", user))

    async def refreshed(self, id_: str, number: int, change: Change) -> Session | None:
        """Change the session if refresh token `number` is good now: a second one with the same number finds none."""
        return await self.all.update(change, equal("id", id_), equal("number", number))
