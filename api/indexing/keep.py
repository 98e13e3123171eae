"""An event becomes a document: the newest of its kind stays, however often and in whatever order it comes."""

from collections.abc import Collection as Names

from api.errors import Duplicate
from api.store.collection import Change, Collection, T
from api.store.where import Where, equal


async def keep(collection: Collection[T], value: T, *older: Where, but: Names[str] = ()) -> None:
    """Keep `value` in place of what has its id, if that is `older`; fields in `but` stay as they are there."""
    put = {name: getattr(value, name) for name in value.__struct_fields__ if name not in ("id", "revision", *but)}
    if await collection.update(Change(put=put), equal("id", value.id), *older) is None:
        try:
            await collection.insert(value)
        except Duplicate:
            return  # what is there is as new
