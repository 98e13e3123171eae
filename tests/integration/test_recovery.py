import time
from datetime import UTC, datetime

from deepsentry import topics
from deepsentry.demo.shop import Shop
from tests.integration.stream import Stream, eventually, kill, shop_records

GROUP = "deepsentry-score"


def records() -> list[bytes]:
    lines, _ = Shop(7).faults(1_795_000_000.0, 900, each=3)
    return shop_records(lines)


def wait_until_handled(stream: Stream, count: int, group: str = GROUP) -> None:
    eventually(lambda: stream.handled(group, topics.CLEAN.name) >= count, within=120)


def settled(stream: Stream, since: datetime) -> set[str]:
    """Return the ids of anomalies detected after `since`, once the quiet stream has closed every sequence."""
    before = -1
    while before != (count := len(stream.anomalies())):
        before = count
        time.sleep(2 * stream.settings.sequences.idle)
    return {anomaly.id for anomaly in stream.anomalies() if anomaly.detected_at > since}


def test_kill_in_mid_sequence_and_a_second_worker_change_no_anomaly_id(trained_stream: Stream) -> None:
    stream, all_records = trained_stream, records()
    third = len(all_records) // 3
    began = datetime.now(UTC)
    stream.work("sanitize")

    first = stream.work("score")
    stream.publish(all_records[:third])
    wait_until_handled(stream, third // 2)
    kill(first)
    stream.work("score")
    stream.publish(all_records[third : 2 * third])
    wait_until_handled(stream, third + third // 2)
    stream.work("score")
    stream.publish(all_records[2 * third :])
    wait_until_handled(stream, len(all_records))
    disturbed = settled(stream, began)
    for worker in stream.workers[1:]:
        kill(worker)

    again = datetime.now(UTC)
    stream.work("score", DEEPSENTRY_KAFKA__GROUP_PREFIX="undisturbed")
    wait_until_handled(stream, len(all_records), "undisturbed-score")
    assert settled(stream, again) == disturbed
    assert len(disturbed) >= 12
