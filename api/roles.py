"""Who may do what: three roles, each may all that the one before it may."""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

Role = Literal["viewer", "operator", "admin"]
RANK: Final[Mapping[Role, int]] = {"viewer": 0, "operator": 1, "admin": 2}


def covers(role: Role | None, wanted: Role) -> bool:
    """Tell whether `role` may what `wanted` may."""
    return role is not None and RANK[role] >= RANK[wanted]


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks: a person, or a key that a person made for a program."""

    kind: Literal["user", "key"]
    id: str
    role: Role
    """In the house: viewer, operator (may make projects), admin (people, and every project). A key's is viewer."""
    projects: dict[str, Role]
    """Project -> role there."""
    session: str = ""

    def role_in(self, project: str) -> Role | None:
        """Return the role in a project, None for a stranger to it; admins of the house are admins everywhere."""
        return "admin" if self.role == "admin" else self.projects.get(project)
