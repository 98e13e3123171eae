"""What strangers put on the raw topic: each record ends as an entry or in the rejected topic, and the workers live."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from confluent_kafka import Producer

from deepsentry import topics, wire
from deepsentry.events import CleanEntry
from deepsentry.kafka import Stored
from deepsentry.local import LocalKafka
from streams.deadletters.quarantine import LONGEST, PREFIX
from tests.integration.stream import Stream, eventually
from tests.integration.workers import Worker

MIB = 1_048_576
GOOD = b"the good line that came last"


@dataclass(frozen=True)
class Bad:
    """`ends` names the reason, `entry`, `both` where a batch has good elements, or `tombstone`."""

    value: bytes | None
    ends: str
    key: bytes | None = None
    headers: tuple[tuple[str, bytes | None], ...] = ()


def dated(time: str) -> bytes:
    return wire.encode({"@timestamp": time, "message": "up", "log": {"file": {"path": "/var/log/app.log"}}})


CASES = {
    "random bytes": Bad(bytes((n * 7919 + 13) % 256 for n in range(4096)), "binary"),
    "truncated JSON": Bad(b'{"@timestamp":"2025-01-02T03:04:05Z","message":"half a re', "malformed"),
    "a line of 5 MB": Bad(b"x" * (5 * MIB), "entry"),
    "20 MB that travel compressed": Bad(b"y" * (20 * MIB), "too_large"),
    "a key of 10 MB": Bad(b'{"half', "malformed", key=b"k" * (10 * MIB)),
    "8 MB that do not compress": Bad(b'{"half', "malformed", key=os.urandom(8 * MIB - 150)),
    "headers of 10 MB": Bad(b'{"half', "malformed", headers=(("h", b"v" * (10 * MIB)),)),
    "a header without a value": Bad(b'{"half', "malformed", headers=(("host", None),)),
    "a header that is no text": Bad(b'{"half', "malformed", headers=(("host", b"\xff\x00"),)),
    "1 MB that grows sixfold in JSON": Bad(b"a" + b"\x01" * (MIB - 1), "entry"),
    "invalid UTF-8": Bad(b"caf\xe9 \xff\xfe ouvert", "entry"),
    "NUL bytes": Bad(b"a\x00b", "binary"),
    "NUL bytes only": Bad(b"\x00" * 100, "binary"),
    "NUL in JSON": Bad(b'{"message":"a\x00b"}', "binary"),
    "a bomb of lists": Bad(b"[" * 100_000, "entry"),
    "a bomb of objects": Bad(b'{"a":' * 100_000, "too_deep"),
    "a closed bomb": Bad(b'{"a":' * 5_000 + b"1" + b"}" * 5_000, "too_deep"),
    "a tombstone": Bad(None, "tombstone"),
    "an empty message": Bad(b"", "empty"),
    "blanks": Bad(b" \r\n\t ", "empty"),
    "an empty object": Bad(b"{}", "empty"),
    "an empty list": Bad(b"[]", "entry"),
    "a message that is no text": Bad(b'{"message":{"a":[1,2]}}', "entry"),
    "a date of 1970": Bad(dated("1970-01-01T00:00:01Z"), "entry"),
    "a date of 2199": Bad(dated("2199-01-01T00:00:00Z"), "entry"),
    "a date that is none": Bad(dated("2025-99-99T99:99:99Z"), "entry"),
    "a number too large": Bad(b'{"message":"up","n":1e999}', "malformed"),
    "an empty batch element": Bad(b'[{"message":"one"},{},7,{"message":"four"}]', "both"),
    "a batch without end": Bad(wire.encode([{"message": f"n {n}"} for n in range(10_001)]), "both"),
    "msgpack that is none": Bad(b"\x83\xa7message", "entry"),
    "a surrogate": Bad(rb'{"message":"\ud800 alone"}', "malformed"),
    "terminal control": Bad(b"\x1b[2J\x1b]0;owned\x07 and more", "entry"),
}


@dataclass(frozen=True)
class Outcome:
    clean: list[CleanEntry]
    rejected: list[Stored]
    workers: tuple[Worker, Worker]
    handled: int


def fact(record: Stored, name: str) -> str:
    return dict(record.headers)[PREFIX + name].decode()


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory, kafka: LocalKafka, shop_registry: Path) -> Iterator[Outcome]:
    """All cases in one partition, each at the offset of its place, and a good line after them in each partition."""
    home = tmp_path_factory.mktemp("bad")
    shutil.copytree(shop_registry, home / "registry")
    with Stream(home, kafka) as stream:
        sanitize, score = stream.work("sanitize"), stream.work("score")
        producer = Producer(
            {"bootstrap.servers": kafka.bootstrap, "message.max.bytes": 100_000_000, "compression.type": "zstd"}
        )
        for case in CASES.values():
            producer.produce(topics.RAW.name, case.value, case.key, 0, headers=list(case.headers))
            assert producer.flush(30) == 0
        for partition in range(3):
            stream.publish([GOOD], partition=partition)
        eventually(lambda: stream.handled("sanitize", topics.RAW.name) == len(CASES) + 3)
        clean = stream.clean()
        eventually(lambda: stream.handled("score", topics.CLEAN.name) == len(clean))
        yield Outcome(clean, stream.stored(topics.REJECTED.name), (sanitize, score), len(CASES) + 3)


@pytest.mark.parametrize("name", CASES)
def test_a_bad_record_ends_as_an_entry_or_rejected_with_its_reason(outcome: Outcome, name: str) -> None:
    offset, case = list(CASES).index(name), CASES[name]
    entries = [entry for entry in outcome.clean if (entry.raw.partition, entry.raw.offset) == (0, offset)]
    rejected = [record for record in outcome.rejected if fact(record, "offset") == str(offset)]
    match case.ends:
        case "tombstone":
            assert (entries, rejected) == ([], [])
        case "entry":
            assert (len(entries), rejected) == (1, [])
        case "both":
            assert entries
            assert rejected
        case reason:
            assert (entries, [fact(record, "reason") for record in rejected]) == ([], [reason])
    for record in rejected:
        value = case.value or b""
        assert record.value == value[:LONGEST]
        assert (fact(record, "topic"), fact(record, "partition")) == (topics.RAW.name, "0")
        assert fact(record, "stage") == "sanitize"
        assert all(value.decode() for name, value in record.headers if name.startswith(PREFIX))


def test_the_good_lines_after_them_come_through(outcome: Outcome) -> None:
    good = {entry.raw.partition for entry in outcome.clean if entry.message == GOOD.decode()}
    assert good == {0, 1, 2}


def test_the_workers_live_and_were_never_started_again(outcome: Outcome) -> None:
    for worker in outcome.workers:
        assert worker.lives
        assert worker.ready().status == 200


def test_nothing_is_lost_every_record_is_clean_rejected_or_a_tombstone(outcome: Outcome) -> None:
    clean = {(entry.raw.partition, entry.raw.offset) for entry in outcome.clean}
    rejected = {(int(fact(r, "partition")), int(fact(r, "offset"))) for r in outcome.rejected}
    tombstones = [name for name, case in CASES.items() if case.ends == "tombstone"]
    assert len(clean | rejected) + len(tombstones) == outcome.handled


def test_a_wrong_date_is_kept_or_replaced_and_said(outcome: Outcome) -> None:
    offset = list(CASES).index("a date of 2199")
    [entry] = [e for e in outcome.clean if (e.raw.partition, e.raw.offset) == (0, offset)]
    assert (entry.time_source, entry.flags) == ("kafka", ("clock_skew",))


def test_a_cut_line_says_so(outcome: Outcome) -> None:
    offset = list(CASES).index("a line of 5 MB")
    [entry] = [e for e in outcome.clean if (e.raw.partition, e.raw.offset) == (0, offset)]
    assert (len(entry.message), entry.flags) == (MIB, ("truncated",))


def test_the_metrics_count_every_rejection_by_reason(outcome: Outcome) -> None:
    sanitize, _ = outcome.workers
    for reason in {fact(record, "reason") for record in outcome.rejected}:
        found = sum(fact(record, "reason") == reason for record in outcome.rejected)
        assert sanitize.metric("deepsentry_rejected_total", reason=reason) == found
