"""What streams/transport/chunks.py and streams/app.py override or use of Faust and aiokafka without being promised it.

A new release of either may change these; then this fails before a worker does.
"""

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any

import aiokafka
import faust
import pytest
from aiokafka.consumer.fetcher import Fetcher, FetchResult, PartitionRecords
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.consumer.subscription_state import Assignment, SubscriptionState, TopicPartitionState
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from faust.transport.consumer import Consumer as BaseConsumer
from faust.transport.consumer import ThreadDelegateConsumer
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport
from mode.services import Service
from mode.threads import ServiceThread

from streams.app import StreamApp
from streams.transport.chunks import ChunkConsumer, ChunkTransport, ConsumerThread
from streams.transport.fetched import light
from streams.transport.outbox import Outgoing, _fill

SAID = ("topic", "partition", "offset", "timestamp", "timestamp_type", "key", "value", "headers")
METHODS: list[tuple[Callable[..., Any], list[str]]] = [
    # overridden
    (BaseConsumer._drain_messages, ["self", "fetcher"]),
    (BaseConsumer._new_offset, ["self", "tp"]),
    (BaseConsumer._should_commit, ["self", "tp", "offset"]),
    (BaseConsumer.on_partitions_revoked, ["self", "revoked"]),
    (BaseConsumer.perform_seek, ["self"]),
    (BaseConsumer.on_buffer_full, ["self", "tp"]),
    (ThreadDelegateConsumer._commit, ["self", "offsets"]),
    (ThreadDelegateConsumer.highwaters, ["self", "partitions"]),
    (Consumer._new_consumer_thread, ["self"]),
    (
        AIOKafkaConsumerThread._fetch_records,
        ["self", "consumer", "active_partitions", "timeout", "max_records"],
    ),
    (AIOKafkaConsumerThread._commit, ["self", "offsets"]),
    (AIOKafkaConsumerThread.on_thread_stop, ["self"]),
    (faust.App.on_stop, ["self"]),
    (faust.App._create_directories, ["self"]),
    # called
    (BaseConsumer._wait_next_records, ["self", "timeout"]),
    (BaseConsumer.commit, ["self", "topics", "start_new_transaction"]),
    (BaseConsumer.stop_flow, ["self"]),
    (BaseConsumer.pause_partitions, ["self", "tps"]),
    (Consumer._to_message, ["self", "tp", "record"]),
    (AIOKafkaConsumerThread.commit, ["self", "offsets"]),
    (AIOKafkaConsumerThread.assignment, ["self"]),
    (AIOKafkaConsumerThread.highwater, ["self", "tp"]),
    (AIOKafkaConsumerThread._ensure_consumer, ["self"]),
    (Service.wait_first, ["self", "coros", "timeout"]),
    (ServiceThread._shutdown_thread, ["self"]),
    (aiokafka.AIOKafkaConsumer.commit, ["self", "offsets"]),
]


@pytest.mark.parametrize(("method", "parameters"), METHODS, ids=lambda value: getattr(value, "__qualname__", ""))
def test_a_method_that_we_override_or_call_takes_what_it_took(
    method: Callable[..., Any], parameters: list[str]
) -> None:
    assert list(inspect.signature(method).parameters) == parameters


OVERRIDES = [
    (ChunkConsumer, Consumer),
    (ConsumerThread, AIOKafkaConsumerThread),
    (ChunkTransport, Transport),
    (StreamApp, faust.App),
]
OURS = {
    "behind", "note", "hold", "holds", "wait_from", "read_all", "reaches_broker", "_forget", "_seek_while_stopped",
    "_deliver", "_miss", "lost", "has_coordinator", "_wait_for_room",
}  # fmt: skip


@pytest.mark.parametrize(("ours", "stock"), OVERRIDES)
def test_what_we_override_exists_below_or_is_known_as_ours(ours: type, stock: type) -> None:
    methods = {name for name, value in vars(ours).items() if inspect.isfunction(value)}
    assert {name for name in methods if not hasattr(stock, name)} <= OURS
    assert not {name for name in methods & OURS if hasattr(stock, name)}


@pytest.mark.parametrize(
    ("method", "names"),
    [
        (
            BaseConsumer.__init__,
            ["_acked", "_acked_index", "_read_offset", "_committed_offset", "suspend_flow"],
        ),
        (BaseConsumer.__init__, ["self.callback", "self.can_resume_flow"]),
        (BaseConsumer._commit_offsets, ["self._commit(", "self.assignment()"]),
        (BaseConsumer.on_partitions_revoked, ["self._acked.pop", "self._on_partitions_revoked"]),
        (BaseConsumer.on_partitions_revoked, ["self._paused_partitions.difference_update(revoked)"]),
        (BaseConsumer._wait_next_records, ["self._getmany("]),
        (AIOKafkaConsumerThread._create_worker_consumer, ["enable_auto_commit=False", "self._assignor"]),
        (Consumer._to_message, ["record.value", "record.offset"]),
        (GroupCoordinator.coordinator_dead, ["self.coordinator_id = None"]),
        (GroupCoordinator.ensure_coordinator_known, ["self.coordinator_id = coordinator_id"]),
        (aiokafka.AIOKafkaConsumer.start, ["self._coordinator = GroupCoordinator(", "self._fetcher = Fetcher("]),
        (Fetcher.__init__, ["self._subscriptions = subscriptions", "self._records"]),
        (FetchResult.__init__, ["self._partition_records = partition_records"]),
        (PartitionRecords._unpack_records, ["self._consumer_record(tp, record)"]),
    ],
    ids=lambda value: getattr(value, "__qualname__", ""),
)  # fmt: skip
def test_the_state_that_we_touch_is_kept_where_it_was(method: Callable[..., Any], names: list[str]) -> None:
    source = inspect.getsource(method)
    assert [name for name in names if name not in source] == []


def test_a_light_record_says_what_the_clients_own_says() -> None:
    batch = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, 0, 1_048_576)
    rows = [(b"k", b"v", [("h", b"1")]), (None, b"v", []), (b"k", None, [("", b""), ("n", None)])]
    for offset, (key, value, headers) in enumerate(rows):
        batch.append(offset, 1_700_000_000_000 + offset, key, value, headers)
    data = bytes(batch.build())
    tp = aiokafka.TopicPartition("t", 3)

    def unpack() -> PartitionRecords:
        return PartitionRecords(tp, MemoryRecords(data), [], 0, None, None, True, 0)

    lightened = unpack()
    lightened._consumer_record = light
    for ours, stock in zip(lightened, unpack(), strict=True):
        assert {name: getattr(stock, name) for name in SAID} == {name: getattr(ours, name) for name in SAID}
        assert {field.name for field in dataclasses.fields(stock)} <= set(dir(ours))


async def test_how_far_a_partition_was_fetched_is_known_by_the_same_names() -> None:
    state = TopicPartitionState(Assignment({aiokafka.TopicPartition("t", 0)}))
    assert {"has_valid_position", "position", "highwater"} <= {*dir(TopicPartitionState), *vars(state)}
    assert hasattr(SubscriptionState, "subscription")
    assert list(inspect.signature(Assignment.state_value).parameters) == ["self", "tp"]


def test_a_batch_filled_past_its_own_method_is_what_that_method_makes() -> None:
    rows = [Outgoing("t", b"k", b"v" * 300, [("h", b"1")]), Outgoing("t", None, b"w" * 300), Outgoing("t", b"k", b"x")]
    for size in (1_048_576, 700):
        ours, stock = (BatchBuilder(size, 0) for _ in range(2))
        count = _fill(ours, rows, 0)
        taken = [
            stock.append(timestamp=None, key=row.key, value=row.value, headers=list(row.headers)) is not None
            for row in rows
        ]
        assert [n < count for n in range(3)] == taken
        assert (ours.record_count(), ours.closed()) == (sum(taken), True)
        assert said(ours) == said(stock)


def said(batch: BatchBuilder) -> list[tuple[object, ...]]:
    data = MemoryRecords(bytes(batch._build())).next_batch()
    assert data is not None
    return [(row.offset, row.key, row.value, row.headers) for row in data]
