"""Projects and their members."""

from datetime import datetime

from pydantic import Field

from api.dependencies import ID
from api.roles import Role
from api.schemas.common import Given, Kept, Name, Shown, Title


class NewProject(Given):
    """A project to be made; who makes it becomes its admin."""

    name: Name
    title: Title


class ProjectChange(Given):
    """What changes."""

    title: Title


class ProjectShown(Kept):
    """A project."""

    name: str = Field(examples=["payments"])
    title: str = Field(examples=["Payments"])
    created_at: datetime
    created_by: str


class NewMember(Given):
    """Who joins, and as what."""

    user: str = Field(pattern=ID, examples=["4f1c2b7a9d0e4c5f8a6b3d2e1f0a9b8c"])
    role: Role


class MemberChange(Given):
    """What changes."""

    role: Role


class MemberShown(Shown):
    """Who belongs to a project, and as what."""

    user: str
    role: Role
    added_at: datetime
    revision: int = Field(ge=1)
