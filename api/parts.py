"""The parts of the control plane, put together in one place."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry
from starlette.requests import Request

from api.audit import Audit
from api.auth.access import Access
from api.auth.keys import KeyRing, Seal, seal_of
from api.auth.limits import Limits
from api.auth.lockout import Lockout
from api.auth.passwords import Passwords
from api.auth.signing import Signing
from api.auth.tokens import Tokens
from api.cache import Cache, NoCache, RedisCache, connect
from api.idempotency import Answers
from api.metrics import ApiMetrics
from api.store.collection import Store
from api.store.credentials import CredentialsOf, Spent
from api.store.driver import MongoStore
from api.store.found import Found
from api.store.invitations import Invitations
from api.store.keys import ApiKeys
from api.store.projects import Members, Projects
from api.store.sessions import Sessions
from api.store.users import Users
from api.store.work import Work
from api.stream import KafkaStream, Stream
from deepsentry.settings import Settings
from models.registry import Registry


def utc_now() -> datetime:
    """Return the time as the store keeps it: UTC, in milliseconds."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def random_id() -> str:
    """Return a new id: 32 hexadecimal digits."""
    return uuid.uuid4().hex


@dataclass(frozen=True, slots=True)
class Parts:
    """What routes work with; none of it opens a connection before it is asked."""

    settings: Settings
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    metrics: ApiMetrics
    store: Store
    cache: Cache
    stream: Stream
    seal: Seal
    tokens: Tokens
    access: Access
    audit: Audit
    answers: Answers
    limits: Limits
    lockout: Lockout
    passwords: Passwords
    signing: Signing
    credentials: CredentialsOf
    invitations: Invitations
    users: Users
    sessions: Sessions
    projects: Projects
    members: Members
    keys: ApiKeys
    work: Work
    found: Found
    registry: Registry

    async def close(self) -> None:
        """Give back every connection."""
        await self.stream.close()
        await self.limits.close()
        await self.cache.close()
        await self.store.close()


def compose(settings: Settings, now: Callable[[], datetime] = utc_now, new_id: Callable[[], str] = random_id) -> Parts:
    """Return the parts for an operator's settings. Raises SettingsError where the folder of keys has none."""
    metrics = ApiMetrics(CollectorRegistry())
    store = MongoStore(settings.mongo, metrics)
    pool = connect(settings.redis)
    cache = RedisCache(pool, settings.redis.prefix, metrics) if pool else NoCache()
    tokens = Tokens(KeyRing(settings.api.keys, time.monotonic), settings.api.public_url, now, new_id)
    seal = seal_of(settings.api.keys)
    users, credentials, sessions, members = Users(store), CredentialsOf(store), Sessions(store), Members(store)
    keys, audit, lockout = ApiKeys(store), Audit(store, now, new_id), Lockout(store, now)
    access = Access(tokens, sessions, users, members, keys, cache, now)
    passwords = Passwords(settings.api.bcrypt_rounds)
    signing = Signing(
        api=settings.api,
        users=users,
        credentials=credentials,
        sessions=sessions,
        passwords=passwords,
        lockout=lockout,
        spent=store.collection("spent", Spent),
        tokens=tokens,
        seal=seal,
        access=access,
        audit=audit,
        metrics=metrics,
        now=now,
        new_id=new_id,
    )
    return Parts(
        settings=settings,
        now=now,
        new_id=new_id,
        metrics=metrics,
        store=store,
        cache=cache,
        stream=KafkaStream(settings.kafka),
        seal=seal,
        tokens=tokens,
        access=access,
        audit=audit,
        answers=Answers(store, seal, now),
        limits=Limits(pool, settings.redis.prefix, settings.api.requests_per_minute),
        lockout=lockout,
        passwords=passwords,
        signing=signing,
        credentials=credentials,
        invitations=Invitations(store),
        users=users,
        sessions=sessions,
        projects=Projects(store),
        members=members,
        keys=keys,
        work=Work(store),
        found=Found(store),
        registry=Registry(settings.models.registry),
    )


async def parts_of_request(request: Request) -> Parts:
    """Return the same, as a dependency: FastAPI would run a function in a thread."""
    return parts_of(request)


def parts_of(request: Request) -> Parts:
    """Return the parts of the app that a request came to."""
    found: Parts = request.app.state.parts
    return found
