"""Who asks: from the bearer token or key of a request to a principal."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from api.auth import machines
from api.auth.tokens import NOT_HELD, Tokens
from api.cache import Cache
from api.errors import Unknown
from api.roles import Principal
from api.store.collection import Change
from api.store.keys import ApiKey, ApiKeys
from api.store.projects import Members
from api.store.sessions import Sessions
from api.store.users import Users
from api.store.where import equal

AGE: Final = 5.0
"""Seconds that an answer may lag behind a change where the cache missed that it was dropped."""
NOTE_USE_EVERY: Final = timedelta(minutes=1)
SIGN_IN: Final = "sign in, and send the access token as `Authorization: Bearer ...`"


class Access:
    """Knows who asks; reads the store through the cache."""

    def __init__(
        self,
        tokens: Tokens,
        sessions: Sessions,
        users: Users,
        members: Members,
        keys: ApiKeys,
        cache: Cache,
        now: Callable[[], datetime],
    ) -> None:
        self._tokens = tokens
        self._sessions = sessions
        self._users = users
        self._members = members
        self._keys = keys
        self._cache = cache
        self._now = now

    async def principal(self, authorization: str) -> Principal:
        """Return who sent this `Authorization` header. Raises Unknown."""
        scheme, _, credentials = authorization.partition(" ")
        if scheme.lower() != "bearer" or not credentials:
            raise Unknown(SIGN_IN)
        if credentials.startswith(machines.PREFIX):
            return await self._key(credentials)
        claims = self._tokens.verify("access", credentials)
        found = await self._cache.through(
            group(claims.subject),
            claims.session,
            list[Principal],  # empty: there is no such session
            AGE,
            lambda: self._person(claims.subject, claims.session),
        )
        if not found:
            raise Unknown(NOT_HELD)
        return found[0]

    async def changed(self, user: str) -> None:
        """Forget what was known of a person: after each change of role, membership, state or session."""
        await self._cache.drop(group(user))

    async def _person(self, user_id: str, session_id: str) -> list[Principal]:
        session = await self._sessions.all.get(equal("id", session_id), equal("user", user_id))
        user = await self._users.all.get(equal("id", user_id))
        if session is None or user is None or user.state != "active" or session.ends_at <= self._now():
            return []
        projects = await self._members.roles_of(user_id)
        return [Principal(kind="user", id=user_id, role=user.role, projects=projects, session=session_id)]

    async def key_changed(self, key: str) -> None:
        """Forget what was known of a key: after it was taken back."""
        await self._cache.drop(f"key:{key}")

    async def _key(self, credentials: str) -> Principal:
        parsed = machines.parse(credentials)
        if parsed is None:
            raise Unknown(NOT_HELD)
        found = await self._cache.through(
            f"key:{parsed.id}", "self", list[ApiKey], AGE, lambda: self._keys.all.find(equal("id", parsed.id), limit=1)
        )
        kept = found[0] if found else None
        now = self._now()
        if kept is None or not machines.proves(parsed.secret, kept.digest) or kept.expires_at <= now:
            raise Unknown(NOT_HELD)
        if kept.used_at is None or now - kept.used_at > NOTE_USE_EVERY:
            await self._keys.all.update(Change(put={"used_at": now}), equal("id", kept.id))
            await self.key_changed(kept.id)
        return Principal(kind="key", id=kept.id, role="viewer", projects={kept.project: kept.role})


def group(user: str) -> str:
    """Return the group of the cache that holds what is known of a person."""
    return f"principal:{user}"
