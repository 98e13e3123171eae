"""Signing in: password, then code where there is a second factor, then a session whose refresh tokens are good once."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Final

from api.audit import Audit
from api.auth import codes
from api.auth.access import Access
from api.auth.keys import Seal
from api.auth.lockout import Lockout
from api.auth.passwords import Passwords
from api.auth.tokens import NOT_HELD, Claims, Tokens
from api.errors import Duplicate, TooMany, Unknown
from api.metrics import ApiMetrics
from api.store.collection import Change, Collection
from api.store.credentials import Credentials, CredentialsOf, Spent
from api.store.sessions import Session, Sessions
from api.store.users import User, Users, email_key
from api.store.where import equal
from deepsentry import logs
from deepsentry.control import Api

WRONG: Final = "the address, the password or the code is wrong"
CODE_AGAIN: Final = 5
"""Wrong codes with one temporary token; then the password is wanted anew."""
LONGEST_AGENT: Final = 200
IPV6: Final = 6

log = logs.get("api.signing")


@dataclass(frozen=True, slots=True)
class Visitor:
    """Where a request came from."""

    address: str
    agent: str = ""

    @property
    def network(self) -> str:
        """What attempts and requests are counted by: the address, of IPv6 the /64 that one customer has."""
        try:
            found = ip_address(self.address)
        except ValueError:
            return self.address
        if found.version == IPV6:
            return str(found.ipv4_mapped or ip_network((found, 64), strict=False))
        return str(found)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session: what asks now, and what gets the next."""

    user: str
    session: str
    access: str
    refresh: str
    seconds: int


@dataclass(frozen=True, slots=True)
class CodeWanted:
    """The password was right; the temporary token and a code are wanted."""

    token: str
    seconds: int


class Signing:
    """The ways in, on and out."""

    def __init__(
        self,
        *,
        api: Api,
        users: Users,
        credentials: CredentialsOf,
        sessions: Sessions,
        passwords: Passwords,
        lockout: Lockout,
        spent: Collection[Spent],
        tokens: Tokens,
        seal: Seal,
        access: Access,
        audit: Audit,
        metrics: ApiMetrics,
        now: Callable[[], datetime],
        new_id: Callable[[], str],
    ) -> None:
        self._api = api
        self._users = users
        self._credentials = credentials
        self._sessions = sessions
        self._passwords = passwords
        self._tokens = tokens
        self._seal = seal
        self._access = access
        self._audit = audit
        self._metrics = metrics
        self._now = now
        self._new_id = new_id
        self._lockout = lockout
        self._spent = spent

    async def password(self, email: str, password: str, visitor: Visitor) -> SignedIn | CodeWanted:
        """Take the first step. Raises Unknown, always with the same words after the same work; TooMany."""
        account = email_key(email)
        await self._begin(account, visitor)
        user = await self._users.by_email(email)
        kept = await self._credentials.all.get(equal("id", user.id)) if user else None
        right = await self._passwords.verify(password, kept.password if kept else None)
        if user is None or kept is None or not right or user.state != "active":
            self._metrics.sign_ins.labels("wrong_password").inc()
            raise Unknown(WRONG)
        await self._lockout.succeeded(account, visitor.network)
        if self._passwords.outdated(kept.password):
            put = {"password": await self._passwords.hash(password)}
            await self._credentials.all.update(Change(put=put), equal("id", user.id), equal("revision", kept.revision))
        if not kept.totp:
            return await self._session(user, visitor)
        life = timedelta(minutes=self._api.code_minutes)
        token = self._tokens.issue("code", user.id, self._new_id(), life)
        return CodeWanted(token, int(life.total_seconds()))

    async def code(self, token: str, code: str, visitor: Visitor) -> SignedIn:
        """Take the second step, once for each temporary token. Raises Unknown, TooMany."""
        claims = self._tokens.verify("code", token)
        await self._begin(f"code:{claims.subject}", visitor)
        await self._count_try(claims)
        user = await self._users.all.get(equal("id", claims.subject))
        kept = await self._credentials.all.get(equal("id", claims.subject))
        if user is None or kept is None or user.state != "active" or not await self.takes(kept, code):
            self._metrics.sign_ins.labels("wrong_code").inc()
            raise Unknown(WRONG)
        await self._spend(claims.session, claims.expires_at)
        await self._lockout.succeeded(f"code:{claims.subject}", visitor.network)
        return await self._session(user, visitor)

    async def takes(self, kept: Credentials, code: str) -> bool:
        """Tell whether a code, or a recovery code, is right, and use it up."""
        secret = self._seal.open(kept.totp, codes.SEAL_ABOUT + kept.id)
        step = codes.step_of(secret.decode(), code, self._now()) if secret else None
        if step is not None:
            return await self._credentials.take_step(kept.id, step)
        if await self._credentials.take_recovery(kept.id, codes.recovery_digest(code)):
            await self._audit.note(f"user:{kept.id}", "recovery_code.used", kept.id)
            return True
        return False

    async def refresh(self, token: str) -> SignedIn:
        """Return the next pair of tokens. One that comes a second time was stolen: the session ends."""
        claims = self._tokens.verify("refresh", token)
        now = self._now()
        change = {"refreshed_at": now, "expires_at": now + timedelta(days=self._api.refresh_days)}
        session = await self._sessions.refreshed(claims.session, claims.number, Change(put=change, add={"number": 1}))
        if session is None:
            await self._reused(claims)
            raise Unknown(NOT_HELD)
        user = await self._users.all.get(equal("id", session.user))
        if user is None or user.state != "active" or session.ends_at <= now:
            raise Unknown(NOT_HELD)
        return self._pair(session)

    async def leave(self, user: str, session: str) -> bool:
        """End one session."""
        ended = await self._sessions.end(session, user)
        await self._access.changed(user)
        return ended

    async def leave_everywhere(self, user: str) -> int:
        """End all sessions of a person, at once for everybody who asks."""
        ended = await self._sessions.end_all(user)
        await self._access.changed(user)
        return ended

    async def _begin(self, account: str, visitor: Visitor) -> None:
        try:
            await self._lockout.begin(account, visitor.network)
        except TooMany:
            self._metrics.sign_ins.labels("locked").inc()
            log.warning("sign_in_waits", address=visitor.address)
            raise

    async def _session(self, user: User, visitor: Visitor) -> SignedIn:
        now = self._now()
        session = Session(
            id=self._new_id(),
            user=user.id,
            number=1,
            created_at=now,
            refreshed_at=now,
            expires_at=now + timedelta(days=self._api.refresh_days),
            ends_at=now + timedelta(days=self._api.session_days),
            address=visitor.address,
            agent="".join(each for each in visitor.agent if each.isprintable())[:LONGEST_AGENT],
        )
        await self._sessions.all.insert(session)
        await self._audit.note(f"user:{user.id}", "session.began", session.id, address=visitor.address)
        self._metrics.sign_ins.labels("signed_in").inc()
        return self._pair(session)

    def _pair(self, session: Session) -> SignedIn:
        life = timedelta(minutes=self._api.access_minutes)
        until_end = session.ends_at - self._now()
        refresh = min(timedelta(days=self._api.refresh_days), until_end)
        return SignedIn(
            session.user,
            session.id,
            self._tokens.issue("access", session.user, session.id, min(life, until_end)),
            self._tokens.issue("refresh", session.user, session.id, refresh, session.number),
            int(min(life, until_end).total_seconds()),
        )

    async def _reused(self, claims: Claims) -> None:
        session = await self._sessions.all.get(equal("id", claims.session))
        if session is not None and claims.number < session.number:
            await self.leave(session.user, session.id)
            await self._audit.note(f"user:{session.user}", "session.ended_by_reuse", session.id)
            self._metrics.sign_ins.labels("refresh_reused").inc()
            log.warning("refresh_token_came_twice", session=session.id)

    async def _count_try(self, claims: Claims) -> None:
        """Take one of the tries that a temporary token has; none after it was used."""
        for number in range(CODE_AGAIN):
            try:
                await self._spend(f"{claims.session}:{number}", claims.expires_at)
            except Unknown:
                continue
            break
        else:
            raise Unknown(NOT_HELD)
        if await self._spent.get(equal("id", claims.session)):
            raise Unknown(NOT_HELD)

    async def _spend(self, what: str, until: datetime) -> None:
        try:
            await self._spent.insert(Spent(id=what, expires_at=until + timedelta(minutes=1)))
        except Duplicate:
            raise Unknown(NOT_HELD) from None
