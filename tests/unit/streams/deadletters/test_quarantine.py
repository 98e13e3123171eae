import hashlib

from hypothesis import given
from hypothesis import strategies as st

from deepsentry import topics
from deepsentry.events import Position, Reason, Rejected
from deepsentry.kafka import Stored
from streams.deadletters.quarantine import LONGEST, PREFIX, Quarantined, gathered, parse, quarantine
from streams.sanitizing.sanitize import Located
from streams.shippers import Record
from streams.transport.outbox import Outgoing

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
        "elements": "1",
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


def read_back(out: Outgoing) -> Quarantined | None:
    return parse(Stored(out.topic, 3, 1045, 2000.5, out.key or b"", out.value, tuple(out.headers)))


HEADERS = st.lists(st.tuples(st.text(max_size=9) | st.sampled_from([PREFIX + "topic"]), st.binary(max_size=9))).map(
    tuple
)


@given(st.binary(max_size=60), HEADERS, st.integers(0, 9))
def test_what_was_rejected_reads_back_whatever_a_stranger_put_into_its_headers(
    value: bytes, headers: tuple[tuple[str, bytes], ...], index: int
) -> None:
    position = Position("deepsentry.logs.raw.v1", 2, 41, index)
    found = read_back(quarantine(record(value, headers), position, REJECTED, "sanitize"))
    assert found is not None
    assert (found.id, found.at) == (f"{topics.REJECTED.name}-3-1045", 2000.5)
    assert (found.source, found.stage, found.reason, found.detail) == (position, "sanitize", "malformed", "not JSON")
    assert (found.key, found.value, found.headers, found.timestamp) == (b"web-1", value, headers, 1_700_000_000.25)


FACTS = st.sampled_from([PREFIX + name for name in ("topic", "partition", "offset", "index", "elements", "timestamp")])


@given(
    st.lists(
        st.tuples(FACTS | st.text(max_size=9), st.binary(max_size=9) | st.integers(-9, 99).map(lambda n: b"%d" % n))
    )
)
def test_headers_that_we_did_not_write_are_read_or_passed_over(headers: list[tuple[str, bytes]]) -> None:
    found = parse(Stored(topics.REJECTED.name, 0, 0, 0.0, b"", b"", tuple(headers)))
    assert found is None or found.source.offset >= 0


def batch(offset: int, elements: int, *rejected: tuple[int, Reason]) -> list[tuple[Located, Rejected]]:
    where = Located(record(b"[...]"), 2, offset)
    return [(where, Rejected(reason, "", index, elements)) for index, reason in rejected]


def test_the_bytes_of_a_batch_are_kept_once_for_each_reason() -> None:
    rejected = batch(41, 9, *((index, "empty") for index in range(1, 9)), (0, "too_deep")) + batch(42, 1, (0, "empty"))
    found = [read_back(out) for out in gathered(rejected, "sanitize")]
    assert [(each.source.offset, each.reason, each.elements, each.count) for each in found if each] == [
        (41, "empty", "1-8", 9),
        (41, "too_deep", "0", 9),
        (42, "empty", "0", 1),
    ]


def test_what_is_rejected_twice_has_one_origin() -> None:
    outs = [quarantine(record(b"{"), POSITION, REJECTED, "sanitize") for _ in range(2)]
    assert {found.origin for found in map(read_back, outs) if found} == {"deepsentry.logs.raw.v1/2/41/3"}
