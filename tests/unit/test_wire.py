import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepsentry import wire
from deepsentry.errors import WireError
from deepsentry.events import CleanEntry, Promotion

SECRET = "hunter2-do-not-quote"


@given(st.binary(max_size=300))
def test_bytes_that_are_no_event_are_a_wire_error(data: bytes) -> None:
    with pytest.raises(WireError):
        wire.decode(CleanEntry, data)


@given(st.binary(max_size=300) | st.text(max_size=100))
def test_any_bytes_are_json_or_a_wire_error(data: bytes | str) -> None:
    with contextlib.suppress(WireError):
        value = wire.from_json(data)
        assert wire.from_json(wire.encode(value)) == value


@given(st.binary(max_size=300))
def test_any_bytes_are_msgpack_or_a_wire_error(data: bytes) -> None:
    with contextlib.suppress(WireError):
        wire.from_msgpack(data)


@pytest.mark.parametrize("data", [b"[" * 100_000, b'{"a":' * 100_000, b"[" * 100_000 + b"]" * 100_000])
def test_a_nesting_bomb_is_a_wire_error(data: bytes) -> None:
    with pytest.raises(WireError):
        wire.from_json(data)
    with pytest.raises(WireError):
        wire.from_msgpack(b"\x91" * 100_000)


def test_an_error_names_the_field_and_never_the_value() -> None:
    data = wire.encode({"model": "detector", "alias": "champion", "version": SECRET, "digest": "", "at": ""})
    with pytest.raises(WireError, match=r"not a valid Promotion: .*\$\.version") as raised:
        wire.decode(Promotion, data)
    assert SECRET not in str(raised.value)


def test_a_field_of_a_later_release_is_passed_over() -> None:
    data = wire.encode({"raw": {"topic": "t", "partition": 0, "offset": 1, "since": 2}, "timestamp": 1, "message": "m"})
    entry = wire.decode(CleanEntry, data[:-1] + b',"sequence":"s","mood":"good"}')
    assert (entry.message, entry.raw.offset) == ("m", 1)


def test_fluents_event_time_is_unix_seconds() -> None:
    assert wire.from_msgpack(bytes.fromhex("d7006553f1001dcd6500")) == 1_700_000_000.5


def test_pretty_is_the_same_value_for_people() -> None:
    text = wire.pretty({"a": [1, 2], "b": None})
    assert wire.from_json(text) == {"a": [1, 2], "b": None}
    assert "\n" in text
