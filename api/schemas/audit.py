"""The audit log."""

from datetime import datetime

from pydantic import Field

from api.schemas.common import Shown


class EntryShown(Shown):
    """One change."""

    number: int = Field(ge=1, description="Without gaps, from 1.")
    at: datetime
    actor: str = Field(examples=["user:4f1c2b7a9d0e4c5f8a6b3d2e1f0a9b8c"])
    action: str = Field(examples=["member.added"])
    target: str
    project: str
    facts: dict[str, str | int | float | bool]
    address: str
    address_digest: str
    previous: str = Field(description="Hash of the entry before.")
    hash: str


class ChainShown(Shown):
    """Whether the log is as it was written."""

    whole: bool
    first_broken: int | None = Field(description="Number of the first entry that is not.")
