import pytest

from deepsentry.topics import CLEAN, LARGEST, MODELS, RAW, REJECTED, SEQUENCES, TOPICS, Topic


def limit(topic: Topic) -> int:
    return int(topic.settings()["max.message.bytes"])


def test_names_are_told_apart() -> None:
    assert len({topic.name for topic in TOPICS}) == len(TOPICS)


def test_what_every_worker_must_see_has_one_partition() -> None:
    assert MODELS.partitions(12) == 1


def test_a_line_its_clean_line_and_its_cuts_can_have_the_same_partition() -> None:
    assert RAW.partitions(12) == CLEAN.partitions(12) == SEQUENCES.partitions(12) == 12


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_what_is_a_memory_is_compacted_and_what_is_a_stream_ends(topic: Topic) -> None:
    if topic.retention_ms < 0:
        assert topic.cleanup == "compact"
    else:
        assert "delete" in topic.cleanup


def test_raw_lines_are_kept_for_the_shortest_time() -> None:
    assert RAW.retention_ms == min(topic.retention_ms for topic in TOPICS if topic.retention_ms > 0)


def test_whatever_a_shipper_may_send_fits_into_the_rejected_topic_with_its_reason() -> None:
    assert limit(REJECTED) == LARGEST
    assert limit(REJECTED) - limit(RAW) >= 64 * 1024
