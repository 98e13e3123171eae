"""How a worker reads a backlog."""

from itertools import cycle

from deepsentry.demo.shop import Shop
from tests.integration.stream import PARTITIONS, Stream, eventually, shop_records

BEGIN = 1_795_000_000.0
EACH = 30_000
"""Records of a partition."""
APART = 3500
"""Records that one partition may be ahead of another: what is read at once, and what waits."""


def test_no_partition_of_a_backlog_gets_far_ahead_of_the_others(stream: Stream) -> None:
    lines = cycle(shop_records(Shop(3).normal(BEGIN, 2000)))
    stream.publish_at((next(lines), partition) for partition in range(PARTITIONS) for _ in range(EACH))
    stream.work("sanitize", DEEPSENTRY_WORKER__CHUNK="1000")
    eventually(stream.sanitized)
    done = [0] * PARTITIONS
    furthest = 0
    for _, entry in sorted(stream.clean_records(), key=lambda each: each[0].timestamp):
        done[entry.raw.partition] = max(done[entry.raw.partition], entry.raw.offset + 1)
        furthest = max(furthest, max(done) - min(done))
    assert done == [EACH] * PARTITIONS
    assert furthest < APART
