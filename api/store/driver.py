"""The store on MongoDB, by motor: the one module that knows the driver and writes queries."""

import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, Generic, TypeVar, cast

import msgspec
from bson.codec_options import CodecOptions
from bson.errors import BSONError
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection
from pymongo import ReturnDocument
from pymongo.errors import CollectionInvalid, DuplicateKeyError, OperationFailure, PyMongoError

from api.breaker import Breaker
from api.errors import Duplicate, InvalidInput, StoreAway
from api.metrics import ApiMetrics
from api.reasons import REFUSED, reason
from api.store.collection import BY_ID, Change, Collection, Join, Joined, Order, Stored, T
from api.store.migrations.step import Layout
from api.store.where import AnyOf, Condition, Where
from deepsentry.control import Mongo

Document = dict[str, Any]
R = TypeVar("R")
CODEC: Final = CodecOptions[Document](tz_aware=True, tzinfo=UTC)
OPERATORS: Final = {
    "equal": "$eq",
    "differs": "$ne",
    "among": "$in",
    "below": "$lt",
    "above": "$gt",
    "at_most": "$lte",
    "at_least": "$gte",
}
UNKEEPABLE: Final = (BSONError, OverflowError, UnicodeEncodeError)
SHUT: Final = (13, 18, 8000)
"""Codes by which the store says that it lets nobody in."""
LAST: Final = "\U0010ffff"
DEEPEST: Final = 20


class MongoStore:
    """A `Store`; opens no connection before the first question."""

    def __init__(self, mongo: Mongo, metrics: ApiMetrics) -> None:
        self._client = client(mongo)
        self.database = self._client.get_database(mongo.database, codec_options=CODEC)
        self._asked = Asked(Breaker(StoreAway, time.monotonic), metrics)

    def collection(self, name: str, kind: type[T]) -> Collection[T]:
        """Return the collection `name`, which keeps things of `kind`."""
        return MongoCollection(self.database[name], kind, self._asked)

    async def prepare(self, layout: Layout) -> None:
        """Create the collection, its validator and its indexes where they are not so yet."""
        with suppress(CollectionInvalid):  # it is there
            await self._asked("prepare", lambda: self.database.create_collection(layout.collection))
        validator = layout.validator()
        await self._asked(
            "prepare", lambda: self.database.command({"collMod": layout.collection, "validator": validator})
        )
        for index in layout.indexes:
            options: dict[str, Any] = {"name": index.name, "unique": index.unique}
            if index.expires:
                options["expireAfterSeconds"] = 0
            if index.only_strings:
                options["partialFilterExpression"] = {index.only_strings: {"$type": "string"}}
            await self._asked(
                "prepare", partial(self.database[layout.collection].create_index, index.fields, **options)
            )

    async def ping(self) -> None:
        """Ask for a sign of life. Raises StoreAway."""
        await self._asked("ping", lambda: self.database.command("ping"))

    async def close(self) -> None:
        """Give back every connection."""
        self._client.close()


def client(mongo: Mongo) -> "AsyncIOMotorClient[Document]":
    """Return motor's client for the operator's settings. Raises StoreAway where the URL is none."""
    options: dict[str, Any] = {
        "minPoolSize": mongo.pool_min,
        "maxPoolSize": mongo.pool_max,
        "waitQueueTimeoutMS": int(mongo.select_timeout * 1000),
        "connectTimeoutMS": int(mongo.connect_timeout * 1000),
        "serverSelectionTimeoutMS": int(mongo.select_timeout * 1000),
        "socketTimeoutMS": int(mongo.socket_timeout * 1000),
        "appname": "deepsentry",
    }
    if mongo.replica_set:
        options["replicaSet"] = mongo.replica_set
    if mongo.tls_ca_file:
        options |= {"tls": True, "tlsCAFile": str(mongo.tls_ca_file)}
    if mongo.tls_client_file:
        options |= {"tls": True, "tlsCertificateKeyFile": str(mongo.tls_client_file)}
    try:
        return AsyncIOMotorClient(mongo.url.get_secret_value(), **options)
    except (PyMongoError, ssl.SSLError, OSError, ValueError) as error:
        message = f"mongo.url, mongo.tls_ca_file or mongo.tls_client_file cannot be used: {type(error).__name__}"
        raise StoreAway(message) from None


class Asked:
    """Asks the driver: measures, breaks the circuit, and gives failures our names."""

    def __init__(self, breaker: Breaker, metrics: ApiMetrics) -> None:
        self._breaker = breaker
        self._metrics = metrics

    async def __call__(self, operation: str, ask: Callable[[], Awaitable[R]]) -> R:
        """Return what the driver says. Raises StoreAway, Duplicate, InvalidInput."""

        async def translated() -> R:
            try:
                return await ask()
            except (CollectionInvalid, *UNKEEPABLE):
                raise  # it was not asked
            except PyMongoError as error:
                if isinstance(error, OperationFailure) and error.code not in SHUT:
                    raise  # it answered: a value is taken, or a mistake of ours
                shut = isinstance(error, OperationFailure)
                message = f"the store {REFUSED if shut else reason(error)}"
                raise StoreAway(message) from error

        started = time.perf_counter()
        try:
            return await self._breaker.call(translated)
        except DuplicateKeyError:
            message = "a value that must be unique is taken"
            raise Duplicate(message) from None
        except UNKEEPABLE:
            raise InvalidInput({"body": "holds text or a number that cannot be kept"}) from None
        finally:
            self._metrics.store_seconds.labels(operation).observe(time.perf_counter() - started)


class MongoCollection(Generic[T]):
    """A `Collection`."""

    def __init__(self, collection: "AsyncIOMotorCollection[Document]", kind: type[T], asked: Asked) -> None:
        self._collection = collection
        self._kind = kind
        self._asked = asked

    async def insert(self, value: T) -> None:
        """Keep a new thing."""
        await self._asked("insert", lambda: self._collection.insert_one(document(value)))

    async def get(self, *where: Where) -> T | None:
        """Return the one thing for which all conditions hold."""
        found = await self._asked("get", lambda: self._collection.find_one(query(where)))
        return None if found is None else value_of(found, self._kind)

    async def find(self, *where: Where, order: Order = BY_ID, limit: int) -> list[T]:
        """Return at most `limit` things for which all conditions hold."""
        cursor = self._collection.find(query(where), sort=_sorted(order), limit=limit)
        found = await self._asked("find", lambda: cursor.to_list(limit))
        return [value_of(each, self._kind) for each in found]

    async def joined(self, *where: Where, joins: Sequence[Join], order: Order = BY_ID, limit: int) -> list[Joined[T]]:
        """Return the same with things of other collections, by one query."""
        stages: list[Document] = [{"$match": query(where)}, {"$sort": dict(_sorted(order))}, {"$limit": limit}]
        for join in joins:
            looked = {"from": join.collection, "localField": join.field, "foreignField": "_id", "as": f"_{join.field}"}
            stages.append({"$lookup": looked})
        cursor = self._collection.aggregate(stages)
        found = await self._asked("joined", lambda: cursor.to_list(limit))
        return [
            Joined(
                value_of(each, self._kind),
                {join.field: next((value_of(o, join.kind) for o in each[f"_{join.field}"]), None) for join in joins},
            )
            for each in found
        ]

    async def update(self, change: Change, *where: Where) -> T | None:
        """Change one thing for which all conditions hold, and return it as it is now."""
        found = await self._asked(
            "update",
            lambda: self._collection.find_one_and_update(
                query(where), update(change), return_document=ReturnDocument.AFTER
            ),
        )
        return None if found is None else value_of(found, self._kind)

    async def update_all(self, change: Change, *where: Where) -> int:
        """Change every such thing."""
        done = await self._asked("update_all", lambda: self._collection.update_many(query(where), update(change)))
        return int(done.modified_count)

    async def remove(self, *where: Where) -> int:
        """Remove every such thing."""
        if not where:
            message = "name a condition: everything is not removed by leaving all out"
            raise TypeError(message)
        done = await self._asked("remove", lambda: self._collection.delete_many(query(where)))
        return int(done.deleted_count)

    async def count(self, *where: Where, at_most: int) -> int:
        """Return how many such things there are, counting no further than `at_most`."""
        return int(await self._asked("count", lambda: self._collection.count_documents(query(where), limit=at_most)))


def query(where: Sequence[Where]) -> Document:
    """Return the conditions as MongoDB writes them; every operator in it comes from here."""
    return {"$and": [_term(each) for each in where]} if where else {}


def update(change: Change) -> Document:
    """Return the change as MongoDB writes it."""
    wanted: Document = {"$inc": {"revision": 1, **change.add}}
    if change.put:
        wanted["$set"] = {_name(field): plain(value) for field, value in change.put.items()}
    return wanted


def document(value: Stored) -> Document:
    """Return what is kept of a thing."""
    kept = cast("Document", plain(value))
    kept["_id"] = kept.pop("id")
    return kept


def value_of(kept: Document, kind: type[T]) -> T:
    """Return the thing of which `kept` is what was kept; fields that a later version added are passed over."""
    return msgspec.convert({**kept, "id": kept["_id"]}, kind)


def plain(value: object) -> object:
    """Return `value` as scalars, lists and dicts. Raises InvalidInput for names that the store would take for more."""
    return _checked(msgspec.to_builtins(value, builtin_types=(datetime, bytes)), 0)


def _checked(value: object, depth: int) -> object:
    if depth > DEEPEST:
        raise InvalidInput({"body": f"nests deeper than {DEEPEST}"})
    if isinstance(value, dict):
        for name in value:
            if not isinstance(name, str) or name.startswith("$") or "." in name or "\0" in name:
                raise InvalidInput({"body": "a name begins with $ or holds a dot or a NUL"})
        return {name: _checked(each, depth + 1) for name, each in value.items()}
    return [_checked(each, depth + 1) for each in value] if isinstance(value, list) else value


def _term(where: Where) -> Document:
    match where:
        case AnyOf(alternatives):
            return {"$or": [query(each) for each in alternatives]}
        case Condition(field, "begins", str(value)):
            # a range and no regular expression: nothing to escape, and an index serves it
            return {_name(field): {"$elemMatch": {"$gte": value, "$lt": f"{value}{LAST}"}}}
        case Condition(field, operator, value):
            return {_name(field): {OPERATORS[operator]: list(value) if isinstance(value, tuple) else value}}


def _name(field: str) -> str:
    return "_id" if field == "id" else field


def _sorted(order: Order) -> list[tuple[str, int]]:
    return [(_name(field), direction) for field, direction in order]
