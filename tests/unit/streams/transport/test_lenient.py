"""Headers whose names are no UTF-8 are read with escapes; everything else reads as aiokafka reads it."""

import inspect

import pytest
from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import READ_UNCOMMITTED, PartitionRecords
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import TopicPartition

from streams.transport import lenient

CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
TP = TopicPartition("t", 0)


class Odd(str):
    """A name that goes out as bytes that are no UTF-8."""

    __slots__ = ()

    def encode(self, *_: str) -> bytes:
        return b"\xff\xfename"


def batch(codec: int, names: list[str], start: int = 0) -> bytes:
    builder = _DefaultRecordBatchBuilderPy(2, codec, 0, -1, -1, -1, 1_000_000)
    for offset, name in enumerate(names):
        builder.append(offset, 1735783446000 + offset, b"key", b"line %d" % offset, [(name, b"\xff"), ("none", None)])
    built = builder.build()
    built[:8] = start.to_bytes(8)  # the checksum does not cover it
    return bytes(built)


def read(records: object) -> list[tuple[int, int, bytes, bytes, tuple[tuple[str, bytes | None], ...]]]:
    found = PartitionRecords(TP, records, None, 0, None, None, True, READ_UNCOMMITTED)
    return [(each.offset, each.timestamp, each.key, each.value, tuple(each.headers)) for each in found]


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_a_name_that_is_no_utf8_is_read_with_escapes_and_its_neighbours_as_they_are(codec: int) -> None:
    data = batch(codec, ["a", Odd("b"), "ç"]) + batch(codec, ["d"], start=3)

    found = read(lenient.Records(data))

    assert [(offset, value) for offset, _, _, value, _ in found] == [
        (0, b"line 0"), (1, b"line 1"), (2, b"line 2"), (3, b"line 0"),
    ]  # fmt: skip
    assert [headers[0] for *_, headers in found] == [
        ("a", b"\xff"), (r"\xff\xfename", b"\xff"), ("ç", b"\xff"), ("d", b"\xff"),
    ]  # fmt: skip


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_what_aiokafka_can_read_is_read_as_it_reads_it(codec: int) -> None:
    data = batch(codec, ["a", "b"]) + batch(codec, ["c"], start=2)

    assert read(lenient.Records(data)) == read(MemoryRecords(data))
    assert lenient.Records(data).size_in_bytes() == len(data)


def test_an_answer_that_ends_within_a_batch_gives_the_whole_ones() -> None:
    data = batch(0, ["a", "b"]) + batch(0, ["c"], start=2)[:-3]

    assert [offset for offset, *_ in read(lenient.Records(data))] == [0, 1]


def test_the_client_makes_its_records_by_the_name_that_is_replaced() -> None:
    assert " MemoryRecords(part_data" in inspect.getsource(fetcher.Fetcher)
