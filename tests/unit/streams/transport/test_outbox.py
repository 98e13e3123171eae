import zlib

from hypothesis import given
from hypothesis import strategies as st

from deepsentry.sections import Kafka
from streams.transport.outbox import Outbox, partition_of


@given(st.binary(max_size=200), st.integers(1, 1000))
def test_a_key_has_one_partition_and_it_exists(key: bytes, count: int) -> None:
    assert partition_of(key, count) == partition_of(bytes(key), count)
    assert 0 <= partition_of(key, count) < count


def test_the_partitioner_is_librdkafkas_so_that_other_producers_agree() -> None:
    assert partition_of(b"req-1", 12) == zlib.crc32(b"req-1") % 12


def test_keys_spread_over_all_partitions() -> None:
    assert {partition_of(f"req-{n}".encode(), 12) for n in range(500)} == set(range(12))


async def test_nothing_to_publish_needs_no_broker() -> None:
    outbox = Outbox(Kafka(bootstrap="127.0.0.1:1"))
    await outbox.publish([])
    await outbox.stop()
    assert not outbox.waiting
