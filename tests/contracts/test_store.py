"""What every store must do; runs on the embedded one, or on the MongoDB that DEEPSENTRY_MONGO__URL names."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from prometheus_client import CollectorRegistry
from pymongo.errors import WriteError

from api.errors import Duplicate, InvalidInput, StoreAway
from api.metrics import ApiMetrics
from api.parts import utc_now
from api.store import migrations
from api.store.collection import Change, Collection, Join, Stored
from api.store.driver import MongoStore
from api.store.migrations.step import Index, Layout, Step
from api.store.where import above, among, any_of, at_least, at_most, begins, below, differs, equal, search, words
from deepsentry.control import Mongo

AT = datetime(2026, 5, 4, 3, 2, 1, 123_000, tzinfo=UTC)
LAYOUT = Layout(
    "things",
    {"name": "string", "size": "int"},
    (
        Index((("name", 1),), unique=True),
        Index((("words", 1),)),
        Index((("owner_key", 1),), True, only_strings="owner_key"),
    ),
)
STEP = Step(1, "things", (LAYOUT,))


class Thing(Stored, frozen=True, kw_only=True):
    name: str
    size: int = 0
    at: datetime = AT
    data: bytes = b""
    ratio: float = 0.5
    words: tuple[str, ...] = ()
    facts: dict[str, str | int] = msgspec.field(default_factory=dict)
    owner: str = ""
    owner_key: str | None = None


class Owner(Stored, frozen=True, kw_only=True):
    name: str


@pytest.fixture
async def mongo_store(mongo: Mongo) -> AsyncIterator[MongoStore]:
    store = MongoStore(mongo, ApiMetrics(CollectorRegistry()))
    await migrations.migrate(store, utc_now, (STEP,))
    yield store
    await store.database.client.drop_database(mongo.database)
    await store.close()


@pytest.fixture
def things(mongo_store: MongoStore) -> Collection[Thing]:
    return mongo_store.collection("things", Thing)


async def test_a_thing_reads_back_as_it_was_kept(things: Collection[Thing]) -> None:
    thing = Thing(id="a", name="n", data=b"\0\xff", words=("x", "y"), facts={"k": "v", "n": 2**40})
    await things.insert(thing)
    assert await things.get(equal("id", "a")) == thing
    assert await things.get(equal("id", "b")) is None


async def test_what_is_unique_is_kept_once(things: Collection[Thing]) -> None:
    await things.insert(Thing(id="a", name="n"))
    for taken in (Thing(id="a", name="m"), Thing(id="b", name="n")):
        with pytest.raises(Duplicate):
            await things.insert(taken)
    await things.insert(Thing(id="b", name="m"))
    with pytest.raises(Duplicate):
        await things.update(Change(put={"name": "n"}), equal("id", "b"))


async def test_a_unique_value_may_be_missing_from_several(things: Collection[Thing]) -> None:
    for name in "ab":
        await things.insert(Thing(id=name, name=name))
    await things.update(Change(put={"owner_key": "k"}), equal("id", "a"))
    with pytest.raises(Duplicate):
        await things.update(Change(put={"owner_key": "k"}), equal("id", "b"))


CASES: list[tuple[Any, str]] = [
    (equal("size", 2), "c"),
    (differs("size", 2), "abd"),
    (among("size", (0, 3, 9)), "ad"),
    (among("size", ()), ""),
    (below("size", 2), "ab"),
    (at_most("size", 2), "abc"),
    (above("size", 2), "d"),
    (at_least("size", 2), "cd"),
    (equal("words", "two"), "c"),
    (begins("words", "t"), "cd"),
    (begins("words", "th"), "d"),
    (begins("words", ".*"), ""),
    (equal("at", AT + timedelta(days=1)), "b"),
    (equal("facts.kind", "odd"), "bd"),
    (any_of((equal("size", 0),), (above("size", 1), equal("facts.kind", "odd"))), "ad"),
    (equal("owner_key", None), "abcd"),
]


@pytest.mark.parametrize(("where", "found"), CASES, ids=str)
async def test_conditions_find_what_they_say(things: Collection[Thing], where: Any, found: str) -> None:
    for size, (id_, word) in enumerate(zip("abcd", ("zero", "one", "two", "three"), strict=True)):
        kind = "odd" if size % 2 else "even"
        at = AT + timedelta(days=size)
        await things.insert(Thing(id=id_, name=id_, size=size, words=(word, "all"), at=at, facts={"kind": kind}))
    assert "".join(thing.id for thing in await things.find(where, limit=10)) == found
    assert await things.count(where, at_most=10) == len(found)


async def test_a_search_wants_the_beginnings_of_all_words(things: Collection[Thing]) -> None:
    await things.insert(Thing(id="a", name="a", words=words("Checkout of the Shop")))
    await things.insert(Thing(id="b", name="b", words=words("checked in")))
    assert [t.id for t in await things.find(*search("words", "CHECK"), limit=5)] == ["a", "b"]
    assert [t.id for t in await things.find(*search("words", "check sho"), limit=5)] == ["a"]
    assert await things.find(*search("words", "(a+)+$ .* [ \\"), limit=5) == []


async def test_order_and_limit_hold_with_equals_by_id(things: Collection[Thing]) -> None:
    for id_, size in zip("dbca", (1, 1, 0, 2), strict=True):
        await things.insert(Thing(id=id_, name=id_, size=size))
    order = (("size", -1), ("id", -1))
    assert [thing.id for thing in await things.find(order=order, limit=3)] == ["a", "d", "b"]


async def test_an_update_is_atomic_and_counts_revisions(things: Collection[Thing]) -> None:
    await things.insert(Thing(id="a", name="n"))
    many = [things.update(Change(add={"size": 1}), equal("id", "a")) for _ in range(20)]
    await asyncio.gather(*many)
    thing = await things.get(equal("id", "a"))
    assert thing is not None
    assert (thing.size, thing.revision) == (20, 21)


async def test_of_many_that_saw_the_same_revision_one_updates(things: Collection[Thing]) -> None:
    await things.insert(Thing(id="a", name="n"))
    seen = (equal("id", "a"), equal("revision", 1))
    done = await asyncio.gather(*(things.update(Change(put={"size": n}), *seen) for n in range(10)))
    assert len([thing for thing in done if thing is not None]) == 1


async def test_updates_and_removals_of_several_say_how_many(things: Collection[Thing]) -> None:
    for id_ in "abc":
        await things.insert(Thing(id=id_, name=id_))
    assert await things.update_all(Change(put={"size": 5}), among("id", ("a", "b"))) == 2
    assert await things.remove(equal("size", 5)) == 2
    assert await things.remove(equal("size", 5)) == 0
    with pytest.raises(TypeError):
        await things.remove()


async def test_one_query_brings_the_things_that_belong_to_others(mongo_store: MongoStore) -> None:
    things, owners = mongo_store.collection("things", Thing), mongo_store.collection("owners", Owner)
    await owners.insert(Owner(id="o", name="Ann"))
    await things.insert(Thing(id="a", name="a", owner="o"))
    await things.insert(Thing(id="b", name="b", owner="gone"))
    found = await things.joined(joins=[Join("owner", "owners", Owner)], limit=5)
    assert [(each.value.id, each.others["owner"]) for each in found] == [("a", Owner(id="o", name="Ann")), ("b", None)]


async def test_what_cannot_be_kept_is_the_sender_s_fault(things: Collection[Thing]) -> None:
    with pytest.raises(InvalidInput):
        await things.insert(Thing(id="a", name="n", size=2**70))
    with pytest.raises(InvalidInput):
        await things.insert(Thing(id="a", name="\ud800"))


async def test_a_document_without_its_fields_is_refused(mongo_store: MongoStore) -> None:
    with pytest.raises(WriteError, match="validation"):
        await mongo_store.database["things"].insert_one({"_id": "a", "revision": 1, "name": 7, "size": 1})


async def test_migrating_again_changes_nothing_and_a_later_step_comes_alone(mongo_store: MongoStore) -> None:
    assert await migrations.migrate(mongo_store, utc_now, (STEP,)) == []
    later = Step(2, "owners", (Layout("owners", {"name": "string"}),))
    assert [step.number for step in await migrations.pending(mongo_store, (STEP, later))] == [2]
    both = await asyncio.gather(*(migrations.migrate(mongo_store, utc_now, (STEP, later)) for _ in range(3)))
    assert {step.number for done in both for step in done} == {2}
    assert await migrations.pending(mongo_store, (STEP, later)) == []


async def test_a_step_that_was_cut_short_is_finished_by_the_next_run(mongo_store: MongoStore) -> None:
    later = Step(2, "owners", (Layout("owners", {"name": "string"}, (Index((("name", 1),), unique=True),)),))
    await mongo_store.database.create_collection("owners")
    await migrations.migrate(mongo_store, utc_now, (STEP, later))
    owners = mongo_store.collection("owners", Owner)
    await owners.insert(Owner(id="o", name="Ann"))
    with pytest.raises(Duplicate):
        await owners.insert(Owner(id="p", name="Ann"))


async def test_a_store_that_is_not_there_is_away() -> None:
    from pydantic import SecretStr  # noqa: PLC0415

    nobody = Mongo(url=SecretStr("mongodb://127.0.0.1:1/?directConnection=true"), select_timeout=0.2)
    store = MongoStore(nobody, ApiMetrics(CollectorRegistry()))
    with pytest.raises(StoreAway):
        await store.ping()
    with pytest.raises(StoreAway):
        await store.collection("things", Thing).find(limit=1)
    await store.close()
