"""A control plane under test: the real app on a real store and cache, and people who ask it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from pydantic import SecretStr

from api.app import create_app
from api.auth import keys, machines
from api.parts import Parts, compose, utc_now
from api.roles import Role
from api.store import migrations
from api.store.credentials import Credentials
from api.store.keys import ApiKey
from api.store.projects import Member, Project
from api.store.sessions import Session
from api.store.users import User
from deepsentry.control import Api, Mongo, Redis
from deepsentry.handling import Alerts, Links
from deepsentry.sections import Kafka, Models
from deepsentry.settings import Settings

NOBODY = "127.0.0.1:1"
"""Where nobody listens."""
PASSWORD = "correct horse battery staple"
LINKS = Links(url="http://testserver", key=SecretStr("a key for links, long enough"))


@dataclass(frozen=True)
class Someone:
    """A person or a key, and the header by which it asks."""

    id: str
    headers: dict[str, str]


class House:
    """The app, a client, and a clock that a test may move."""

    def __init__(self, home: Path, mongo: Mongo, redis: Redis, bootstrap: str = NOBODY, **api: Any) -> None:
        keys.ensure(home / "keys", utc_now())
        # cheap passwords, which no operator can set: tests sign in by the hundred
        own = Api(keys=home / "keys").model_copy(update={"bcrypt_rounds": 4} | api)
        self.settings = Settings(
            api=own,
            mongo=mongo,
            redis=redis,
            kafka=Kafka(bootstrap=bootstrap),
            models=Models(registry=home / "registry"),
            alerts=Alerts(links=LINKS),
        )
        self.ahead = timedelta()
        self._stopped: datetime | None = None
        self.parts: Parts = compose(self.settings, self.now)
        self.app = create_app(self.settings, self.parts)
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://testserver/api/v1")

    def now(self) -> datetime:
        return (self._stopped or utc_now()) + self.ahead

    def stop_the_clock(self) -> None:
        """From now on only `ahead` moves it."""
        self._stopped = utc_now()

    async def __aenter__(self) -> Self:
        await migrations.migrate(self.parts.store, self.now)  # type: ignore[arg-type] # the driver prepares, too
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.client.aclose()
        await self.parts.close()

    async def project(self, name: str = "payments", **members: Role) -> Project:
        """Make a project without asking the API; `members` maps ids of users to roles."""
        project = Project(
            id=self.parts.new_id(), name=name, title=name.title(), created_at=self.now(), created_by="0" * 32
        )
        await self.parts.projects.all.insert(project)
        for user, role in members.items():
            await self.join(project, user, role)
        return project

    async def join(self, project: Project, user: str, role: Role) -> None:
        member = Member(id=self.parts.new_id(), project=project.id, user=user, role=role, added_at=self.now())
        await self.parts.members.all.insert(member)
        await self.parts.access.changed(user)

    async def person(self, role: Role = "viewer", **projects: Role) -> Someone:
        """Make a signed-in person without asking the API; `projects` maps ids of projects to roles."""
        id_, session, now = self.parts.new_id(), self.parts.new_id(), self.now()
        user = User(
            id=id_,
            email=f"{id_}@example.org",
            email_key=f"{id_}@example.org",
            name="Ann",
            role=role,
            state="active",
            created_at=now,
        )
        hashed = await self.parts.passwords.hash(PASSWORD)
        await self.parts.credentials.all.insert(Credentials(id=id_, password=hashed, password_at=now))
        await self.parts.users.all.insert(user)
        ends = now + timedelta(days=1)
        await self.parts.sessions.all.insert(
            Session(id=session, user=id_, number=1, created_at=now, refreshed_at=now, expires_at=ends, ends_at=ends)
        )
        for project, own in projects.items():
            await self.join(await self.parts.projects.get(project), id_, own)
        token = self.parts.tokens.issue("access", id_, session, timedelta(minutes=10))
        return Someone(id_, {"Authorization": f"Bearer {token}"})

    async def key(self, project: Project, role: Role = "viewer") -> Someone:
        """Make a program's key without asking the API."""
        id_ = self.parts.new_id()
        text, digest = machines.make(id_)
        now = self.now()
        await self.parts.keys.all.insert(
            ApiKey(
                id=id_,
                project=project.id,
                name="ci",
                role=role,
                digest=digest,
                created_at=now,
                created_by="0" * 32,
                expires_at=now + timedelta(days=1),
            )
        )
        return Someone(id_, {"Authorization": f"Bearer {text}"})


def without_cache() -> Redis:
    """Settings of a house that has no cache."""
    return Redis(url=SecretStr(""))
