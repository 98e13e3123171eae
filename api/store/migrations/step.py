"""What a migration says: which collections exist, what their documents must hold, and their indexes."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from api.store.collection import Stored

Type = Literal["string", "int", "double", "bool", "date", "bytes", "list", "table"]
_BSON: Final[dict[Type, list[str]]] = {
    "string": ["string"],
    "int": ["int", "long"],
    "double": ["double", "int", "long"],
    "bool": ["bool"],
    "date": ["date"],
    "bytes": ["binData"],
    "list": ["array"],
    "table": ["object"],
}


@dataclass(frozen=True, slots=True)
class Index:
    """Fields with 1 or -1; `expires` removes a document when the time in its only field has come."""

    fields: tuple[tuple[str, int], ...]
    unique: bool = False
    expires: bool = False
    only_strings: str = ""
    """Name of a field: only documents in which it is text are indexed, so that several may lack it."""

    @property
    def name(self) -> str:
        """Name in the store, made of the fields."""
        return "_".join(f"{field}_{'up' if direction > 0 else 'down'}" for field, direction in self.fields)


@dataclass(frozen=True, slots=True)
class Layout:
    """A collection; `fields` must be there with their type, others may."""

    collection: str
    fields: dict[str, Type]
    indexes: tuple[Index, ...] = field(default=())

    def validator(self) -> dict[str, Any]:
        """Return what the store compares each document with."""
        wanted: dict[str, Type] = {"_id": "string", "revision": "int", **self.fields}
        properties = {name: {"bsonType": _BSON[kind]} for name, kind in wanted.items()}
        return {"$jsonSchema": {"bsonType": "object", "required": list(wanted), "properties": properties}}


@dataclass(frozen=True, slots=True)
class Step:
    """One migration. A step that was released is not edited: what changes later is a step of its own."""

    number: int
    title: str
    layouts: tuple[Layout, ...]


class Applied(Stored, frozen=True, kw_only=True):
    """A step that a store has had."""

    title: str
    at: datetime
