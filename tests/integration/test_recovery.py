from datetime import UTC, datetime

from deepsentry import topics
from deepsentry.demo.shop import Shop
from tests.integration.published import demand_valid
from tests.integration.stream import Stream, eventually, shop_records


def wait_until_handled(stream: Stream, count: int) -> None:
    eventually(lambda: stream.handled("score", topics.CLEAN.name) >= count, within=120)


def test_kill_in_mid_sequence_and_a_second_worker_change_no_anomaly_id(trained_stream: Stream) -> None:
    stream = trained_stream
    lines, _ = Shop(7).faults(1_795_000_000.0, 900, each=3)
    records = shop_records(lines)
    third = len(records) // 3
    began = datetime.now(UTC)
    stream.work("sanitize")

    first = stream.work("score")
    stream.publish(records[:third])
    wait_until_handled(stream, third // 2)
    first.kill()
    stream.work("score")
    stream.publish(records[third : 2 * third])
    wait_until_handled(stream, third + third // 2)
    stream.work("score")
    stream.publish(records[2 * third :])
    stream.closed_by_time(lines[-1].timestamp)
    again, disturbed = datetime.now(UTC), stream.anomaly_ids(began)
    for worker in stream.workers[1:]:
        worker.kill()

    stream.work("score", DEEPSENTRY_KAFKA__GROUP_PREFIX="undisturbed")
    eventually(lambda: stream.scored("undisturbed"))
    assert stream.anomaly_ids(again) == disturbed
    assert len(disturbed) >= 8  # of 15 faults: there was something to compare
    demand_valid(stream, topics.ANOMALIES)
