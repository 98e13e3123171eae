"""The instrument itself, on a real broker: it counts what it says, sends when it says, and sees what is planted."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deepsentry import kafka as broker
from deepsentry import topics
from deepsentry.bench import copying, latency
from deepsentry.bench.bed import Bed, bed, publish, stored
from deepsentry.bench.corpus import Demo, Due
from deepsentry.bench.cost import Watch, follow
from deepsentry.bench.spoken import spoken
from deepsentry.bench.throughput import COPIES, SAMPLES
from deepsentry.errors import LocalServerError

KEY = "a key for tests, long enough"
CORPUS = Demo(requests=500)


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory, shop_registry: Path) -> Iterator[Bed]:
    with bed(tmp_path_factory.mktemp("bench"), shop_registry, KEY) as running:
        kafka = running.settings.kafka
        broker.create_topics(kafka, (COPIES, SAMPLES))
        publish(kafka, topics.RAW.name, CORPUS.records(6000), kafka.partitions)
        yield running


def test_the_copy_loop_copies_the_bytes(stand: Bed) -> None:
    kafka = stand.settings.kafka
    cost = copying.measure(kafka, topics.RAW.name, COPIES.name, 6000)
    assert (cost.lines, stored(kafka, COPIES)) == (6000, 6000)
    copied = sorted(record.value for record in broker.read(kafka, COPIES.name))
    assert copied == sorted(CORPUS.records(6000))
    assert stand.bytes_stored(COPIES) > 0


def test_stock_faust_copies_one_message_at_a_time(stand: Bed) -> None:
    kafka = stand.settings.kafka
    cost = spoken("deepsentry.bench.stock", [kafka.bootstrap, topics.RAW.name, SAMPLES.name, "500"])
    assert cost.lines == 500
    assert stored(kafka, SAMPLES) >= 500


def test_a_measurement_that_fails_says_why(stand: Bed) -> None:
    with pytest.raises(LocalServerError, match=r"deepsentry\.bench\.copying ended with status 1"):
        copying.measure(stand.settings.kafka, topics.RAW.name, COPIES.name, 0)


def test_no_record_is_sent_before_it_is_due(stand: Bed) -> None:
    kafka = stand.settings.kafka
    start = time.time() + 0.2
    plan = [Due(start + 0.05 * place, b"%d" % place, None) for place in range(6)]
    begin = broker.end_offsets(kafka, topics.RAW.name)
    late = latency.send(kafka, plan, partitions=2)
    sent = {int(r.value): (r.partition, r.timestamp) for r in broker.read(kafka, topics.RAW.name, begin=begin)}
    assert all(seconds >= 0 for seconds in late)
    # the broker's stamp is in whole milliseconds
    assert all(sent[place][1] >= due.at - 0.002 for place, due in enumerate(plan))
    assert [sent[place][0] for place in range(6)] == [0, 1, 0, 1, 0, 1]


def test_planted_anomalies_are_seen_and_their_way_is_divided_into_hops(tmp_path: Path, shop_registry: Path) -> None:
    with (
        bed(tmp_path, shop_registry, KEY) as fresh,
        fresh.worker("sanitize") as sanitize,
        fresh.worker("score") as score,
    ):
        found = latency.measure(fresh, CORPUS, (sanitize, score), rate=200, seconds=8, partitions=1)
        assert (found.planted, found.missing) == (40, 0)
        assert 0 < found.p50_ms <= found.p99_ms <= found.max_ms
        assert list(found.hops) == ["publish", "sanitize", "score", "receive"]
        assert all(us > 0 for us in found.cpu_us_per_line.values())
        watch = Watch(sanitize, 1600 + 3000)
        publish(fresh.settings.kafka, topics.RAW.name, CORPUS.records(3000), fresh.settings.kafka.partitions)
        follow([watch])
        assert watch.seen == 4600
