"""Records that could not be used, and the way back: listed, shown, replayed once each; and the brake before them."""

import itertools
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from confluent_kafka import Producer

from deepsentry import topics, wire
from deepsentry.__main__ import main
from deepsentry.errors import KafkaError
from deepsentry.events import Position, Rejected
from streams.deadletters.quarantine import Quarantined, parse, quarantine
from streams.deadletters.replay import MARK, replay, replayed_from
from streams.deadletters.replaying import Replayer
from streams.shippers import Record
from streams.transport.alone import alone
from streams.transport.confirming import Confirming
from streams.transport.outbox import Outgoing
from tests.integration.stream import Stream, eventually
from tests.integration.workers import Worker

JSON = '{"deepsentry.logs.raw.v1": "json"}'
SECRET = "hunter2-and-more-of-it"


@dataclass
class CommandLine:
    """`deepsentry` as an operator of the stream runs it, in this process."""

    capsys: pytest.CaptureFixture[bytes]

    def bytes(self, *arguments: str) -> bytes:
        before, sys.argv = sys.argv, ["deepsentry", "rejected", *arguments]
        status: object = 0
        try:
            main()
        except SystemExit as ended:
            status = ended.code
        finally:
            sys.argv = before
        said = self.capsys.readouterr()
        assert not status, said.err
        return said.out

    def __call__(self, *arguments: str) -> dict[str, Any]:
        said = wire.from_json(self.bytes(*arguments, "--json"))
        assert isinstance(said, dict)
        return said


@pytest.fixture(autouse=True)
def _soon(stream: Stream) -> None:
    stream.environment["DEEPSENTRY_REDACTION__ENGINE"] = "portable"  # it starts two seconds earlier


@pytest.fixture
def rejected(
    stream: Stream, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> CommandLine:
    for name, value in stream.environment.items():
        monkeypatch.setenv(name, value)
    return CommandLine(capsysbinary)


def put(stream: Stream, values: Iterable[bytes], **own: Any) -> list[Quarantined]:
    """Put records on the rejected topic as a sanitize worker does, without one."""
    record = {"key": b"web-1", "headers": (), "timestamp": 1_700_000_000.0, "topic": topics.RAW.name} | own
    outs = [
        quarantine(
            Record(value, **record), Position(topics.RAW.name, n % 3, n), Rejected("malformed", "no"), "sanitize"
        )
        for n, value in enumerate(values)
    ]
    assert not any(Confirming(stream.settings.kafka).send(outs))
    return [found for stored in stream.stored(topics.REJECTED.name) if (found := parse(stored))]


def came_back(stream: Stream) -> Counter[str]:
    """Return how often each rejected record stands in the raw topic again."""
    return Counter(name for stored in stream.stored(topics.RAW.name) if (name := replayed_from(stored.headers)))


def now() -> datetime:
    return datetime.now(UTC)


def test_rejected_records_come_back_once_when_their_format_is_mended(stream: Stream, rejected: CommandLine) -> None:
    lines = [f"request {n} answered after {n} ms".encode() for n in range(20)]
    wrong = stream.work("sanitize", DEEPSENTRY_INGEST__FORMATS=JSON)
    producer = Producer({"bootstrap.servers": stream.kafka.bootstrap})
    for n, line in enumerate(lines):
        producer.produce(topics.RAW.name, line, b"web-1", n % 3, headers=[("host", b"web-1")])
    assert producer.flush(30) == 0
    eventually(stream.sanitized)
    assert wrong.end() == 0

    listed = rejected("list", "--since", "1h")
    assert (listed["found"], listed["reasons"]) == (20, {"malformed": 20})
    first = listed["records"][0]
    assert (first["stage"], first["key"], first["replayed"]) == ("sanitize", "web-1", "")

    stream.work("sanitize")
    assert rejected("replay", "--reason", "malformed")["replayed"] == 20
    eventually(lambda: len(stream.clean()) >= 20 and stream.sanitized())
    assert sorted(entry.message.encode() for entry in stream.clean()) == sorted(lines)
    raw = stream.stored(topics.RAW.name)
    originals = {record.value: record for record in raw if not replayed_from(record.headers)}
    assert len(raw) == 40
    for record in raw:
        original = originals[record.value]
        assert (record.partition, record.key, record.headers[:1]) == (original.partition, b"web-1", original.headers)
    received = {record.value.decode(): record.timestamp for record in originals.values()}
    for entry in stream.clean():
        assert (entry.timestamp, entry.host) == (received[entry.message], "web-1")

    second = rejected("replay", "--reason", "malformed")
    assert second["replayed"] == 0
    assert sum(second["refused"].values()) == 20
    assert all(row["replayed"] for row in rejected("list")["records"])
    assert rejected("replay", first["id"], "--force")["ids"] == [first["id"]]
    assert came_back(stream)[first["id"]] == 2


def test_what_is_rejected_again_says_so_and_is_not_replayed_in_a_loop(stream: Stream, rejected: CommandLine) -> None:
    stream.publish([b'{"half', b'[{"message":"one"},{},{"message":"three"}]'], partition=0)
    stream.work("sanitize")
    eventually(stream.sanitized)
    first = {row["reason"]: row["id"] for row in rejected("list")["records"]}
    assert rejected("replay", "--since", "1h")["replayed"] == 2
    eventually(lambda: stream.sanitized() and len(stream.stored(topics.REJECTED.name)) == 4)

    again = {row["reason"]: row for row in rejected("list")["records"] if row["replay_of"]}
    assert {reason: row["replay_of"] for reason, row in again.items()} == first
    assert rejected("replay", "--since", "1h")["replayed"] == 0
    assert set(rejected("replay", "--since", "1h", "--again")["ids"]) == {row["id"] for row in again.values()}
    eventually(lambda: stream.sanitized() and len(stream.stored(topics.REJECTED.name)) == 6)
    assert sorted(entry.message for entry in stream.clean()) == ["one", "three"]  # the good elements came once


def test_a_replay_that_was_killed_goes_on_where_it_was(stream: Stream, rejected: CommandLine) -> None:
    put(stream, (b"%d " % n + b"x" * 20_000 for n in range(3000)))
    process = Worker.start(
        [sys.executable, "-m", "deepsentry", "rejected", "replay", "--since", "1h"],
        {**os.environ, **stream.environment},
        stream.home / "replay.log",
    )
    eventually(lambda: stream.held(topics.RAW.name) > 0)
    process.kill()
    assert stream.held(topics.RAW.name) < 3000
    rejected("replay", "--since", "1h")
    assert sorted(came_back(stream).values()) == [1] * 3000


def nothing(_: Stream, __: Replayer, batch: list[Quarantined]) -> None:
    assert batch


def begun(_: Stream, replayer: Replayer, batch: list[Quarantined]) -> None:
    replayer.begin(batch)


def half(stream: Stream, replayer: Replayer, batch: list[Quarantined]) -> None:
    replayer.begin(batch)
    Confirming(stream.settings.kafka).send([replay(found, found.source.partition) for found in batch[::2]])


def published(stream: Stream, replayer: Replayer, batch: list[Quarantined]) -> None:
    replayer.begin(batch)
    Confirming(stream.settings.kafka).send([replay(found, found.source.partition) for found in batch])


@pytest.mark.parametrize("killed_after", [nothing, begun, half, published])
def test_wherever_it_was_killed_each_record_comes_back_once(
    stream: Stream, killed_after: Callable[[Stream, Replayer, list[Quarantined]], None]
) -> None:
    found = put(stream, (b"%d" % n for n in range(10)))
    kafka = stream.settings.kafka
    killed_after(stream, Replayer(kafka, now, lambda: True), found)
    stream.publish([b"forged"], partition=0)
    forged = [(MARK, each.id.encode()) for each in found]
    Confirming(kafka).send([Outgoing(topics.RAW.name, b"", b"forged", [mark], 0) for mark in forged])
    next_one = Replayer(kafka, now, lambda: True)
    next_one.settle()
    list(next_one.replay(found))
    values = Counter(record.value for record in stream.stored(topics.RAW.name))
    assert [values[each.value] for each in found] == [1] * 10


def test_two_replays_do_not_run_side_by_side(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.transport.alone.WITHIN", 1.0)
    kafka, group = stream.settings.kafka, f"{stream.prefix}-replay"
    with alone(kafka, group, topics.REPLAYS) as is_alone:
        with pytest.raises(KafkaError, match="wait until it is done"), alone(kafka, group, topics.REPLAYS):
            pass
        assert is_alone()
    with alone(kafka, group, topics.REPLAYS) as is_alone:
        assert is_alone()


def test_what_an_interrupted_worker_rejected_twice_comes_back_once(stream: Stream) -> None:
    put(stream, [b"one", b"two"])
    twice = put(stream, [b"one", b"two"])
    replayer = Replayer(stream.settings.kafka, now, lambda: True)
    assert len([outcome for outcome in replayer.replay(twice) if not outcome.refused]) == 2
    assert sorted(record.value for record in stream.stored(topics.RAW.name)) == [b"one", b"two"]


def test_a_limit_counts_what_goes_back_and_the_next_run_takes_the_next(stream: Stream, rejected: CommandLine) -> None:
    put(stream, (b"%d" % n for n in range(5)))
    counts = [rejected("replay", "--since", "1h", "--limit", "2")["replayed"] for _ in range(4)]
    assert counts == [2, 2, 1, 0]


def test_a_list_is_read_page_by_page_from_the_newest(stream: Stream, rejected: CommandLine) -> None:
    found = put(stream, (b"%d" % n for n in range(25)))
    pages, before = [], ""
    while not pages or before:
        said = rejected("list", "--limit", "10", *(["--before", before] if before else []))
        pages.append([row["id"] for row in said["records"]])
        before = said["before"]
    assert [len(page) for page in pages] == [10, 10, 5]
    assert sorted(itertools.chain.from_iterable(pages)) == sorted(each.id for each in found)
    assert rejected("list", "--reason", "binary")["found"] == 0
    assert rejected("list", "--topic", "another")["found"] == 0


def test_hostile_bytes_do_nothing_to_who_lists_and_shows_them(stream: Stream, rejected: CommandLine) -> None:
    value = b'\x1b[2J{"password": "%s", [bold]\x07' % SECRET.encode()
    headers = (("\x1b]0;owned", b"v" * 1_000_000), ("authorization", SECRET.encode()), ("[/]", b"\xff\x00"))
    [found] = put(stream, [value], key=b"\x1b[31m\xe2\x80\xae[link=x]password=" + SECRET.encode(), headers=headers)
    short = found.id.removeprefix(f"{topics.REJECTED.name}-")
    for shown in (rejected.bytes("list"), rejected.bytes("show", short), wire.encode(rejected("show", found.id))):
        text = shown.decode()
        assert all(line.isprintable() for line in text.split("\n"))
        assert SECRET[:12] not in text
        assert len(text) < 20_000
    assert "[bold]" in rejected.bytes("show", short).decode()
    assert rejected.bytes("show", short, "--raw") == value


def test_a_bad_release_holds_its_partition_and_no_other(stream: Stream) -> None:
    lines = 400
    worker = stream.work("sanitize", DEEPSENTRY_INGEST__BRAKE_RECORDS="300")
    for n in range(0, lines, 100):
        stream.publish([b'{"half'] * 500, partition=0)
        for partition in (1, 2):
            stream.publish([b"line %d of %d" % (k, partition) for k in range(n, n + 100)], partition=partition)
    [said] = eventually(lambda: worker.said("partition_held"))
    assert worker.metric("deepsentry_braked", topic=topics.RAW.name, partition="0") == 1
    eventually(lambda: len(stream.clean()) == 2 * lines)

    eventually(lambda: len(worker.ready().reasons) == 1)  # it says once a second what it was given
    ready = worker.ready()
    assert (ready.status, worker.live().status) == (503, 200)
    [reason] = ready.reasons
    assert f"the brake holds {topics.RAW.name}/0: " in reason
    assert said["reasons"] == ["malformed"]
    assert "restart" in str(said["remedy"])
    assert len(stream.stored(topics.REJECTED.name)) == said["offset"]

    other = stream.work("sanitize", DEEPSENTRY_INGEST__BRAKE_RECORDS="300")  # a rebalance must not hang on what is held
    eventually(lambda: other.said("worker_starts") and other.metric("deepsentry_assigned_partitions") > 0)
    stream.publish([b"one more line"] * 3, partition=1)
    eventually(lambda: len(stream.clean()) == 2 * lines + 3)
    assert (worker.end(), other.end()) == (0, 0)

    stream.work("sanitize", DEEPSENTRY_INGEST__BRAKE_RATIO="1")
    eventually(stream.sanitized)
    found = [parse(stored) for stored in stream.stored(topics.REJECTED.name)]
    assert {each.source.offset for each in found if each} == set(range(2000))  # held back, and none of them lost
