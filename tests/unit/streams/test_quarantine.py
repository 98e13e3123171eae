import hashlib

from hypothesis import given
from hypothesis import strategies as st

from deepsentry import topics
from deepsentry.events import Position, Rejected
from streams.quarantine import LONGEST, PREFIX, quarantine
from streams.shippers import Record

POSITION = Position("deepsentry.logs.raw.v1", 2, 41, 3)
REJECTED = Rejected("malformed", "not JSON", 3)


def record(value: bytes | None, headers: tuple[tuple[str, bytes], ...] = ()) -> Record:
    return Record(value, b"web-1", headers, 1_700_000_000.25, POSITION.topic)


def test_the_headers_say_where_it_stood_and_why_it_was_rejected() -> None:
    out = quarantine(record(b"{"), POSITION, REJECTED, "sanitize")
    facts = {name.removeprefix(PREFIX): value.decode() for name, value in out.headers}
    facts.pop("app.version")
    assert facts == {
        "topic": "deepsentry.logs.raw.v1",
        "partition": "2",
        "offset": "41",
        "index": "3",
        "timestamp": "1700000000.25",
        "stage": "sanitize",
        "reason": "malformed",
        "exception.message": "not JSON",
    }


@given(st.binary(max_size=300), st.lists(st.tuples(st.text(max_size=20), st.binary(max_size=20)), max_size=4))
def test_value_key_and_headers_are_kept_byte_for_byte(value: bytes, headers: list[tuple[str, bytes]]) -> None:
    out = quarantine(record(value, tuple(headers)), POSITION, REJECTED, "sanitize")
    assert (out.topic, out.key, out.value) == (topics.REJECTED.name, b"web-1", value)
    assert list(out.headers[: len(headers)]) == headers


@given(st.text(max_size=3000))
def test_what_is_said_is_short_and_utf8(detail: str) -> None:
    out = quarantine(record(b"x"), POSITION, Rejected("malformed", detail), "sanitize")
    said = dict(out.headers)[PREFIX + "exception.message"].decode()
    assert len(said) <= 1024


def test_a_value_too_long_to_keep_is_cut_and_told_by_its_digest() -> None:
    value = b"x" * (LONGEST + 1)
    out = quarantine(record(value), POSITION, Rejected("too_large", "5 MB"), "sanitize")
    facts = dict(out.headers)
    assert out.value == value[:LONGEST]
    assert facts[PREFIX + "truncated"] == b"true"
    assert facts[PREFIX + "sha256"].decode() == hashlib.sha256(value).hexdigest()
    assert int(facts[PREFIX + "length"]) == LONGEST + 1
