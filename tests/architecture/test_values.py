"""What leaves the process: events round-trip, topics have the names and the settings that the house agreed on."""

import inspect
import re
from datetime import datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deepsentry import events, topics, wire

TOPIC = re.compile(r"deepsentry\.[a-z]+(\.[a-z]+)?\.v[1-9][0-9]*")
EVENTS = sorted(
    (kind for _, kind in inspect.getmembers(events, inspect.isclass) if issubclass(kind, msgspec.Struct)),
    key=lambda kind: kind.__name__,
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
ZONES = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXT,
    float: st.floats(allow_nan=False, allow_infinity=False),
    int: st.integers(-(2**62), 2**62),
    bool: st.booleans(),
    datetime: st.datetimes(datetime(1970, 1, 1), datetime(2999, 1, 1), timezones=ZONES),  # noqa: DTZ001 - ZONES adds it
}


def values(kind: msgspec.inspect.Type) -> st.SearchStrategy[Any]:  # noqa: PLR0911 - one row a kind of field
    """Return what a field of the inspected type `kind` can hold."""
    match kind:
        case msgspec.inspect.StructType(cls=cls, fields=fields):
            return st.builds(cls, **{field.name: values(field.type) for field in fields})
        case msgspec.inspect.UnionType(types=types):
            return st.one_of(*map(values, types))
        case msgspec.inspect.LiteralType(values=choices):
            return st.sampled_from(choices)
        case msgspec.inspect.VarTupleType(item_type=item):
            return st.lists(values(item), max_size=3).map(tuple)
        case msgspec.inspect.DictType(key_type=key, value_type=value):
            return st.dictionaries(values(key), values(value), max_size=3)
        case msgspec.inspect.NoneType():
            return st.none()
        case _:
            name = type(kind).__name__.removesuffix("Type").lower()
            return next(strategy for plain, strategy in PLAIN.items() if plain.__name__ == name)


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_every_event_reads_back_as_it_was_written(kind: type[msgspec.Struct], data: st.DataObject) -> None:
    event = data.draw(values(msgspec.inspect.type_info(kind)))
    assert wire.decode(kind, wire.encode(event)) == event


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
def test_every_event_is_frozen_and_says_what_it_is(kind: type[msgspec.Struct]) -> None:
    assert kind.__struct_config__.frozen
    assert kind.__doc__


def test_every_event_is_looked_at() -> None:
    assert {"CleanEntry", "Anomaly", "Alert", "Promotion"} <= {kind.__name__ for kind in EVENTS}


@pytest.mark.parametrize("topic", topics.TOPICS, ids=lambda topic: topic.name)
def test_a_topic_is_named_by_the_house_and_says_what_it_is_for(topic: topics.Topic) -> None:
    assert TOPIC.fullmatch(topic.name)
    assert topic.purpose
    assert topic.settings()["message.timestamp.type"] == "LogAppendTime"
