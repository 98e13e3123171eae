"""Pages: a cursor says after which item the next page begins; it is opaque, and checked like every input."""

import base64
import binascii
from datetime import UTC, datetime
from typing import Final, Generic, NamedTuple, TypeVar

from api.errors import InvalidInput
from api.store.collection import Collection, Join, Joined, Order, T
from api.store.where import Condition, Scalar, Where, above, any_of, below, equal
from deepsentry import wire
from deepsentry.errors import WireError

LONGEST: Final = 1024
BAD: Final = "not a cursor of this list; take `next` of a page as it is"
P = TypeVar("P")


class Sort(NamedTuple):
    """By which field a list is ordered, and in which direction (1 or -1); the id decides between equals."""

    field: str
    direction: int
    kind: type[str | int | float | datetime]

    def order(self) -> Order:
        """Return it as the store takes it."""
        return ((self.field, self.direction), ("id", self.direction))


NEWEST: Final = Sort("created_at", -1, datetime)


class Asked(NamedTuple):
    """Which page was asked for."""

    limit: int
    cursor: str | None


class Paged(NamedTuple, Generic[P]):
    """A page, and the cursor of the next; None at the end."""

    items: list[P]
    next: str | None


async def page(collection: Collection[T], asked: Asked, sort: Sort, *where: Where) -> Paged[T]:
    """Return the page of what fulfils all conditions. Raises InvalidInput for a cursor of another list."""
    after = _after(asked, sort)
    found = await collection.find(*where, *after, order=sort.order(), limit=asked.limit + 1)
    return Paged(found[: asked.limit], _next(found, asked, sort))


async def joined_page(
    collection: Collection[T], asked: Asked, sort: Sort, joins: list[Join], *where: Where
) -> Paged[Joined[T]]:
    """Return the same with things of other collections, by one query."""
    after = _after(asked, sort)
    found = await collection.joined(*where, *after, joins=joins, order=sort.order(), limit=asked.limit + 1)
    return Paged(found[: asked.limit], _next([each.value for each in found], asked, sort))


def encode(sort: Sort, value: object, id_: str) -> str:
    """Return the cursor after an item whose field has `value`."""
    plain = value.isoformat() if isinstance(value, datetime) else value
    data = wire.encode([f"{sort.field}{sort.direction:+d}", plain, id_])
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def decode(sort: Sort, cursor: str) -> tuple[Scalar, str]:
    """Return the value and the id in a cursor. Raises InvalidInput."""
    try:
        return _decoded(sort, cursor)
    except (binascii.Error, ValueError, WireError, OverflowError):
        raise InvalidInput({"query.cursor": BAD}) from None


def _decoded(sort: Sort, cursor: str) -> tuple[Scalar, str]:
    if len(cursor) > LONGEST:
        raise ValueError
    data = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    name, value, id_ = wire.decode(tuple[str, str | int | float, str], data)
    if name != f"{sort.field}{sort.direction:+d}":
        raise ValueError
    if sort.kind is datetime:
        return datetime.fromisoformat(str(value)).astimezone(UTC), id_
    if not isinstance(value, sort.kind):
        raise ValueError  # noqa: TRY004 - it is input
    return value, id_


def _after(asked: Asked, sort: Sort) -> tuple[Where, ...]:
    if asked.cursor is None:
        return ()
    value, id_ = decode(sort, asked.cursor)
    beyond = above if sort.direction > 0 else below
    if sort.field == "id":
        return (beyond("id", id_),)
    later: tuple[Condition, ...] = (beyond(sort.field, value),)
    return (any_of(later, (equal(sort.field, value), beyond("id", id_))),)


def _next(found: list[T], asked: Asked, sort: Sort) -> str | None:
    if len(found) <= asked.limit:
        return None
    last = found[asked.limit - 1]
    return encode(sort, getattr(last, sort.field), last.id)
