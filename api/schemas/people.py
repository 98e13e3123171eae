"""People, invitations, keys."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from api.roles import Role
from api.schemas.common import Given, Kept, Line, Name, Shown

Email = Annotated[
    str,
    Field(
        max_length=254, pattern=r"^[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f]{1,189}$", examples=["ann@example.org"]
    ),
]
PersonName = Annotated[Line, Field(min_length=1, max_length=100, examples=["Ann"])]
Password = Annotated[str, Field(min_length=1, max_length=1024, examples=["correct horse battery staple"])]
Code = Annotated[str, Field(min_length=6, max_length=32, pattern=r"^[0-9A-Za-z -]+$", examples=["492039"])]
Token = Annotated[str, Field(min_length=1, max_length=4096, pattern=r"^[A-Za-z0-9_.-]+$")]


class UserShown(Kept):
    """A person."""

    email: str = Field(examples=["ann@example.org"])
    name: str = Field(examples=["Ann"])
    role: Role
    state: Literal["active", "disabled", "erased"]
    created_at: datetime


class UserChange(Given):
    """What changes; what is left out stays."""

    role: Role | None = None
    state: Literal["active", "disabled"] | None = None


class NewInvitation(Given):
    """Who is invited, and as what."""

    email: Email
    role: Role = "viewer"


class InvitationShown(Shown):
    """An invitation; `token` is shown this once: pass it on by a way that you trust."""

    id: str
    email: str
    role: Role
    expires_at: datetime
    token: str = Field(examples=["dsi_kq3v0m1Xo9w2sR7tB5nC8dF4gH6jK1lM0pQ3rS5tU7v"])
    link: str = Field(examples=["https://deepsentry.example.org/console#invitation=dsi_kq3v0m1X"])


class Acceptance(Given):
    """What somebody who was invited chooses."""

    token: Token
    name: PersonName
    password: Password


class NewKey(Given):
    """A key for a program."""

    name: Name
    role: Role = "viewer"
    days: int = Field(90, ge=1, le=365, description="Life of the key.")


class KeyShown(Kept):
    """A key; its secret is not kept."""

    name: str
    role: Role
    created_at: datetime
    created_by: str
    expires_at: datetime
    used_at: datetime | None


class KeyMade(KeyShown):
    """A new key."""

    key: str = Field(
        description="Shown this once; send it as `Authorization: Bearer dsk_...`.",
        examples=["dsk_4f1c2b7a9d0e4c5f8a6b3d2e1f0a9b8c_kq3v0m1Xo9w2sR7tB5nC8dF4gH6jK1lM0pQ3rS5tU7v"],
    )
