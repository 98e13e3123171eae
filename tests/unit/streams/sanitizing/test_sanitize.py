import json
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepsentry import wire
from deepsentry.events import Entry, Rejected
from deepsentry.sections import Ingest, Redaction
from streams.redaction import Redacted, Redactor, create_redactor
from streams.redaction.findings import RedactedFields
from streams.sanitizing.beside import MOST_REMEMBERED
from streams.sanitizing.sanitize import Located, Sanitized, Sanitizer
from streams.shippers import Record, create_decoder
from streams.windowing.keying import Keyer

TOPIC = "deepsentry.logs.raw.v1"
POISON = "poison"


@pytest.fixture(scope="module")
def redactor() -> Redactor:
    return create_redactor(Redaction(), b"a key for tests, long enough")


@dataclass
class Fragile:
    """A redactor that breaks on one word."""

    inner: Redactor
    version = "fragile"

    def redact(self, texts: Sequence[str], names: Sequence[str] = ()) -> list[Redacted]:
        if any(POISON in text for text in texts):
            raise ZeroDivisionError(POISON)
        return self.inner.redact(texts, names)

    def masked(self, texts: Sequence[str], names: Sequence[str] = ()) -> dict[int, Redacted]:
        if any(POISON in text for text in texts):
            raise ZeroDivisionError(POISON)
        return self.inner.masked(texts, names)

    def redact_fields(self, fields: dict[str, str]) -> RedactedFields:
        return self.inner.redact_fields(fields)


def located(*values: bytes | None) -> list[Located]:
    return [Located(Record(value, None, (), 1_735_800_000.0, TOPIC), 2, n) for n, value in enumerate(values)]


def sanitized(redactor: Redactor, *values: bytes | None, key: str = r"req=(\w+)") -> Sanitized:
    return Sanitizer(create_decoder(Ingest()), redactor, Keyer(key)).sanitize(located(*values))


def test_a_line_becomes_an_entry_with_its_place_and_its_sequence(redactor: Redactor) -> None:
    [entry] = sanitized(redactor, b"2025-01-02T03:04:05Z req=ab12 cart opened").clean
    assert str(entry.raw) == f"{TOPIC}/2/0/0"
    assert (entry.sequence, entry.kind, entry.timestamp) == ("ab12", "session", 1_735_787_045.0)
    assert entry.rules == redactor.version


def test_secrets_go_and_are_counted_by_kind(redactor: Redactor) -> None:
    done = sanitized(redactor, b"mail to ann@example.org and bob@example.org", b"nothing here")
    assert "example.org" not in done.clean[0].message
    assert done.findings == {"email": 2}


def test_what_stands_beside_the_message_is_redacted_too(redactor: Redactor) -> None:
    record = {"message": "login", "host": "ann@example.org", "user": {"ann@example.org": "bob@example.org"}}
    done = sanitized(redactor, wire.encode(record))
    assert b"example.org" not in wire.encode(done.clean)
    assert done.findings["email"] >= 3


def test_the_key_is_taken_from_the_redacted_text(redactor: Redactor) -> None:
    [entry] = sanitized(redactor, b"user ann@example.org left", key=r"user (\S+)").clean
    assert entry.sequence.startswith("<email:")


def test_a_line_that_breaks_the_rules_engine_is_rejected_alone(redactor: Redactor) -> None:
    done = sanitized(Fragile(redactor), b"good one", b"a poison pill", b"good two")
    assert [entry.message for entry in done.clean] == ["good one", "good two"]
    [(where, rejected)] = done.rejected
    assert (where.offset, rejected.reason) == (1, "redaction_failed")
    assert POISON not in rejected.detail


def test_of_a_batch_only_the_element_that_breaks_the_engine_is_rejected(redactor: Redactor) -> None:
    batch = wire.encode([{"message": "one"}, {"message": POISON}, {"message": "three"}])
    done = sanitized(Fragile(redactor), batch)
    assert [(entry.raw.index, entry.message) for entry in done.clean] == [(0, "one"), (2, "three")]
    assert [(rejected.index, rejected.reason) for _, rejected in done.rejected] == [(1, "redaction_failed")]


def test_a_tombstone_is_counted_and_nothing_else(redactor: Redactor) -> None:
    done = sanitized(redactor, None, b"a line")
    assert (done.empty, len(done.clean), done.rejected) == (1, 1, [])


def test_more_hosts_than_are_remembered_change_no_entry(redactor: Redactor) -> None:
    sanitizer = Sanitizer(create_decoder(Ingest()), redactor, Keyer("x^"))
    for start in range(0, MOST_REMEMBERED + 2000, 2000):
        chunk = [wire.encode({"message": "up", "host": f"web-{n}"}) for n in range(start, start + 2000)]
        done = sanitizer.sanitize(located(*chunk))
        assert [entry.host for entry in done.clean] == [f"web-{n}" for n in range(start, start + 2000)]


WORDS = st.sampled_from(["up", "ann@example.org", "web-1", "hunter2", "", "\ud800", "4111 1111 1111 1111"])
FIELDS = st.fixed_dictionaries(
    {"message": WORDS, "host": WORDS},
    optional={
        "note": WORDS,
        "password": WORDS,
        "ann@example.org": WORDS,
        "log": st.fixed_dictionaries({"offset": WORDS}),
    },
)


@given(st.lists(st.lists(FIELDS, max_size=4), max_size=4))
def test_what_was_seen_before_changes_no_entry(redactor: Redactor, chunks: list[list[dict[str, object]]]) -> None:
    sanitizer = Sanitizer(create_decoder(Ingest()), redactor, Keyer("x^"))
    for chunk in chunks:
        values = [json.dumps(fields).encode() for fields in chunk]
        warm, cold = sanitizer.sanitize(located(*values)), sanitized(redactor, *values, key="x^")
        assert (warm.clean, warm.findings) == (cold.clean, cold.findings)


@given(st.lists(st.one_of(st.none(), st.binary(max_size=200), st.text(max_size=100).map(str.encode)), max_size=6))
def test_any_bytes_end_as_an_entry_a_rejection_or_a_tombstone(redactor: Redactor, values: list[bytes | None]) -> None:
    done = sanitized(redactor, *values)
    places = [entry.raw.offset for entry in done.clean] + [where.offset for where, _ in done.rejected]
    assert {*places} == {n for n, value in enumerate(values) if value is not None}
    assert done.empty == values.count(None)
    assert wire.decode(list, wire.encode(done.clean)) is not None


def test_a_decoder_is_asked_once_for_each_record(redactor: Redactor) -> None:
    asked: list[Record] = []

    def decode(record: Record) -> list[Entry | Rejected]:
        asked.append(record)
        return [Rejected("malformed", "of no use")]

    records = located(b"a", b"b")
    done = Sanitizer(decode, redactor, Keyer("x^")).sanitize(records)
    assert asked == [each.record for each in records]
    assert [where for where, _ in done.rejected] == records


@pytest.mark.parametrize("name", ["pw", "pin", "dsn", "x-auth-token", "set-cookie", "db.accountKey"])
def test_an_object_without_a_message_says_no_more_than_its_attributes(redactor: Redactor, name: str) -> None:
    [entry] = sanitized(redactor, json.dumps({name: "trustno", "user": "ann", "n": 1}).encode()).clean
    assert "trustno" not in entry.message
    assert entry.message == f"{name}={entry.attributes[name]} user=ann n=1"


def test_the_text_of_an_object_without_a_message_is_searched_as_well(redactor: Redactor) -> None:
    value = json.dumps({"pw": "trustno", "note": "of ann@example.org", "long": "x" * 3000}).encode()
    [entry] = sanitized(redactor, value).clean
    assert "trustno" not in entry.message
    assert "ann@example.org" not in entry.message
