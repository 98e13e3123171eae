"""The seam to the store: what a repository may ask of a collection. Implemented by api/store/driver.py."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Protocol, TypeVar

import msgspec

from api.store.where import Where, above


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """What every kept thing has; `revision` grows by one with each update and is its ETag."""

    id: str
    revision: int = 1


T = TypeVar("T", bound=Stored)

Order = tuple[tuple[str, int], ...]
"""Fields to sort by, each with 1 (ascending) or -1."""
BY_ID: Final[Order] = (("id", 1),)
CHUNK: Final = 500
"""Things that `everything` asks for at once."""
Plain = Any
"""Data of a document: scalars, lists and dicts of them, structs."""


@dataclass(frozen=True, slots=True)
class Change:
    """What an update does to one thing; its revision grows by itself."""

    put: Mapping[str, Plain] = field(default_factory=dict)
    """Field -> its new value."""
    add: Mapping[str, int] = field(default_factory=dict)
    """Field -> what is added to its number."""


@dataclass(frozen=True, slots=True)
class Join:
    """Brings in, with the same query, the thing of another collection whose id stands in `field`."""

    field: str
    collection: str
    kind: type[Stored]


@dataclass(frozen=True, slots=True)
class Joined(Generic[T]):
    """A thing and those that were asked for with it, by field; None where the other one is gone."""

    value: T
    others: Mapping[str, Stored | None]


class Collection(Protocol[T]):
    """Keeps things of one kind. Every method raises StoreAway where the store does not answer."""

    async def insert(self, value: T) -> None:
        """Keep a new thing. Raises Duplicate where its id or another unique value is taken."""
        ...

    async def get(self, *where: Where) -> T | None:
        """Return the one thing for which all conditions hold; any of them where several do."""
        ...

    async def find(self, *where: Where, order: Order = BY_ID, limit: int) -> list[T]:
        """Return at most `limit` things for which all conditions hold."""
        ...

    async def joined(self, *where: Where, joins: Sequence[Join], order: Order = BY_ID, limit: int) -> list[Joined[T]]:
        """Return the same with things of other collections, by one query."""
        ...

    async def update(self, change: Change, *where: Where) -> T | None:
        """Change one thing for which all conditions hold, atomically, and return it as it is now. Raises Duplicate."""
        ...

    async def update_all(self, change: Change, *where: Where) -> int:
        """Change every such thing, each atomically, and return how many there were."""
        ...

    async def remove(self, *where: Where) -> int:
        """Remove every such thing and return how many there were; at least one condition must be given."""
        ...

    async def count(self, *where: Where, at_most: int) -> int:
        """Return how many such things there are, counting no further than `at_most`."""
        ...


async def everything(collection: Collection[T], *where: Where) -> list[T]:
    """Return all that fulfils the conditions, however many there are. Raises StoreAway."""
    found: list[T] = []
    while more := await collection.find(*where, *(above("id", each.id) for each in found[-1:]), limit=CHUNK):
        found += more
    return found


class Store(Protocol):
    """The collections, and whether the store answers."""

    def collection(self, name: str, kind: type[T]) -> Collection[T]:
        """Return the collection `name`, which keeps things of `kind`."""
        ...

    async def ping(self) -> None:
        """Ask for a sign of life. Raises StoreAway."""
        ...

    async def close(self) -> None:
        """Give back every connection."""
        ...
