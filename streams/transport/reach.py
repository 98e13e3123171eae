"""What the broker does not say by itself: that it does not answer, has more, or has deleted what nobody read."""

import time
from typing import Final

import aiokafka
from aiokafka.client import ConnectionGroup
from aiokafka.structs import TopicPartition
from faust.types import TP

from deepsentry import logs

JOINS: Final = frozenset({11, 14})
"""JoinGroup and SyncGroup (Kafka protocol, API keys): their answers wait for the other members."""

log = logs.get("reach")


def unanswered(consumer: aiokafka.AIOKafkaConsumer) -> float:
    """Return for how many seconds the group's coordinator owes an answer, 0 where it owes none.

    A member sends it a heartbeat every few seconds. aiokafka 0.14 itself notices only when a request times out, after
    40 seconds and more.
    """
    now = time.monotonic()
    longest = 0.0
    for (_, group), connection in list(consumer._client._conns.items()):  # noqa: SLF001 - it has no other seam
        waiting = next(iter(connection._requests), None)  # noqa: SLF001
        if group == ConnectionGroup.COORDINATION and waiting is not None and waiting[1].API_KEY not in JOINS:
            longest = max(longest, now - connection._last_action)  # noqa: SLF001
    return longest


def has_more(consumer: aiokafka.AIOKafkaConsumer, tp: TP) -> bool:
    """Tell whether the broker has records of `tp` that were not fetched, as far as is known; unknown counts as yes."""
    assigned = consumer._fetcher._subscriptions.subscription.assignment  # noqa: SLF001 - as Faust does
    state = assigned.state_value(TopicPartition(tp.topic, tp.partition)) if assigned else None
    if state is None or not state.has_valid_position:
        return state is not None
    return state.highwater is None or state.highwater > state.position


def deleted_unread(tp: TP, wanted: int, found: int, earliest: int) -> int:
    """Return, and say, how many records retention took where `wanted` was to be read next and `found` came.

    `earliest` is the first offset that the broker still has; what compaction left out after it was not lost.
    """
    records = max(0, min(found, earliest) - wanted)
    if records:
        log.error(
            "records_lost",
            topic=tp.topic,
            partition=tp.partition,
            records=records,
            before=wanted + records,
            remedy="they were deleted before they were read: keep them for longer, or start more workers",
        )
    return records
