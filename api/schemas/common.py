"""What all that is sent and answered has in common."""

from datetime import UTC, datetime
from typing import Annotated, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints


def _utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError:
        message = "lies before the year 1 or after the year 9999 in UTC"
        raise ValueError(message) from None


I = TypeVar("I")  # noqa: E741 - an item

Line = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""Text of one line, for names that end up in logs and letters."""
Title = Annotated[Line, Field(min_length=1, max_length=200, examples=["Payments"])]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$", examples=["payments"])]
Note = Annotated[str, Field(max_length=4000, pattern=r"^[^\x00]*$", examples=["a planned restart"])]
Moment = Annotated[datetime, AfterValidator(_utc)]


class Given(BaseModel):
    """What a stranger sends: unknown fields are refused, and no value is bent into another type."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_max_length=100_000)


class Shown(BaseModel):
    """What is answered."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class Kept(Shown):
    """A thing that is kept."""

    id: str = Field(examples=["4f1c2b7a9d0e4c5f8a6b3d2e1f0a9b8c"])
    revision: int = Field(ge=1, description="Its ETag, without the quotes.", examples=[1])


class PageOf(Shown, Generic[I]):
    """A page of a list."""

    items: list[I]
    next: str | None = Field(description="Cursor of the next page; null at the end.", examples=[None])
