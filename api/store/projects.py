"""Projects, to which everything else belongs, and who belongs to them."""

from datetime import datetime
from typing import Final

from api.roles import Role
from api.store.collection import Store, Stored
from api.store.where import equal
from deepsentry.errors import NotFound

MOST_MEMBERSHIPS: Final = 1000


class Project(Stored, frozen=True, kw_only=True):
    """A project; `name` is unique in the house."""

    name: str
    title: str
    created_at: datetime
    created_by: str


class Member(Stored, frozen=True, kw_only=True):
    """That a person belongs to a project, and as what."""

    project: str
    user: str
    role: Role
    added_at: datetime


class Projects:
    """The collection of projects."""

    def __init__(self, store: Store) -> None:
        self.all = store.collection("projects", Project)

    async def get(self, id_: str) -> Project:
        """Return a project. Raises NotFound."""
        found = await self.all.get(equal("id", id_))
        if found is None:
            message = "no such project"
            raise NotFound(message)
        return found


class Members:
    """The collection of memberships."""

    def __init__(self, store: Store) -> None:
        self.all = store.collection("members", Member)

    async def roles_of(self, user: str) -> dict[str, Role]:
        """Return project -> role of a person."""
        found = await self.all.find(equal("user", user), limit=MOST_MEMBERSHIPS)
        return {member.project: member.role for member in found}
