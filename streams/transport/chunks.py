"""Faust transport: one event is one fetched chunk of one partition, and offsets follow confirmed work.

Stock Faust spends some 100 us on each message; here its machinery runs once a chunk. The commit position is the end of
the longest acknowledged prefix of delivered chunks, so nothing in flight is ever passed over (faust issue 606). An
agent may leave a note with an offset, which travels as the metadata of its commit.

The private methods overridden and used here are guarded by tests/contracts/test_transport_contract.py.
"""

import asyncio
import logging
import time
from collections import Counter, defaultdict, deque
from collections.abc import Mapping
from typing import Any, Final, cast

import aiokafka
import aiokafka.errors
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.transport.drivers.aiokafka import Consumer as StockConsumer
from faust.transport.drivers.aiokafka import Transport as StockTransport
from faust.types import TP

from deepsentry import logs
from streams.transport import lenient
from streams.transport.fetched import Records, lighten, pieces
from streams.transport.reach import deleted_unread, has_more, unanswered

TOGETHER_WITHIN: Final = 0.5
"""Seconds that a fetched partition waits for others whose records are on their way."""
FETCH_PAUSE: Final = 0.005
GATHER_BYTES: Final = 65_536
GATHER_MS: Final = 10
"""The broker answers when there are so many bytes, or after so many milliseconds."""
AHEAD: Final = 16
"""Chunks that are delivered and not done, from which on nothing is fetched."""

log = logs.get("transport")


class ConsumerThread(AIOKafkaConsumerThread):
    """Commits annotated offsets; a broker that is away is no reason to die, the next interval tries again."""

    logger = logging.getLogger("faust.transport")

    def has_coordinator(self) -> bool:
        """Tell whether the coordinator of the group is known, and answers; a failed heartbeat forgets it."""
        if self._consumer is None or self._consumer._coordinator.coordinator_id is None:  # noqa: SLF001 - as Faust does
            return False
        return unanswered(self._consumer) < self.app.conf.broker_session_timeout

    async def on_thread_stop(self) -> None:
        """Stop the client; while the broker is away it raises what it cancelled itself, and Faust would never end."""
        try:
            await super().on_thread_stop()
        except asyncio.CancelledError:
            log.warning("client_stopped_hard", reason="the broker did not answer")

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        """Let the broker gather what comes for some milliseconds: an answer for each record is what costs most."""
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_min_bytes, consumer._fetch_max_wait_ms = GATHER_BYTES, GATHER_MS  # noqa: SLF001 - Faust fixes both
        return consumer

    async def _fetch_records(
        self,
        consumer: aiokafka.AIOKafkaConsumer,
        active_partitions: set[TP],
        timeout: float | None = None,  # noqa: ASYNC109 - the base class's signature
        max_records: int | None = None,
    ) -> dict[TopicPartition, Records]:
        """Take a share from every partition that has something, the earliest first.

        Stock aiokafka empties one partition before it looks at the next, and passes over those whose answer is on its
        way. Lines of one session lie in several partitions; read far apart, they would come to sequences far apart.
        """
        share = max_records or 1
        lighten(consumer)
        found = dict(await super()._fetch_records(consumer, active_partitions, timeout=timeout, max_records=share))
        patience = time.monotonic() + TOGETHER_WITHIN
        while found:
            wanted = {tp for tp in active_partitions if tp not in found}
            lighten(consumer)
            for tp in wanted:
                found |= await super()._fetch_records(consumer, {tp}, timeout=0, max_records=share)
            if time.monotonic() > patience or not any(has_more(consumer, tp) for tp in wanted - found.keys()):
                break
            await asyncio.sleep(FETCH_PAUSE)
        return dict(sorted(found.items(), key=lambda item: item[1][0].timestamp))

    async def _commit(self, offsets: Mapping[TP, OffsetAndMetadata]) -> bool:
        consumer = self._ensure_consumer()
        assigned = self.assignment()
        try:
            await consumer.commit(
                {TopicPartition(tp.topic, tp.partition): noted for tp, noted in offsets.items() if tp in assigned}
            )
        except (aiokafka.errors.CommitFailedError, aiokafka.errors.IllegalStateError) as error:
            # the partitions went to another member, who reads these records again
            log.warning("commit_superseded", error=type(error).__name__)
            return False
        except aiokafka.errors.KafkaError as error:
            log.warning("commit_failed", error=type(error).__name__, remedy="will be tried again")
            return False
        return True


class ChunkConsumer(StockConsumer):
    """Delivers chunks: the value of each Faust message is a list of ConsumerRecord of one partition."""

    logger = logging.getLogger("faust.transport")
    committed_at = 0.0
    """When the broker last accepted an offset, Unix seconds."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._delivered: dict[TP, deque[int]] = defaultdict(deque)
        self._notes: dict[TP, dict[int, str]] = defaultdict(dict)
        self._confirmed: dict[TP, int] = {}
        self._lost: Counter[TP] = Counter()
        self._held: dict[TP, int] = {}
        self._waiting: dict[TP, int] = {}
        super().__init__(*args, **kwargs)
        self._chunk = cast("ChunkTransport", self.transport).chunk

    def on_buffer_full(self, tp: TP) -> None:
        """Read on: Faust would leave `tp` out; `_wait_for_room` holds back all partitions, so none gets ahead."""

    def behind(self) -> dict[TP, int]:
        """Return, for each partition of this worker, how many records are not yet handled, as far as is known."""
        return {
            tp: max(0, (self.highwater(tp) or 0) - (self._confirmed.get(tp) or self._committed_offset[tp] or 0))
            for tp in self.assignment()
        }

    def reaches_broker(self) -> bool:
        """Tell whether the broker answers: heartbeats find out within seconds, also while a chunk is in work."""
        return cast("ConsumerThread", self._thread).has_coordinator()

    async def highwaters(self, *partitions: TP) -> Mapping[TP, int]:
        """Return partition -> its next offset, as the broker says now; nothing where it gives no answer."""
        try:
            return await super().highwaters(*partitions)
        except aiokafka.errors.KafkaError:
            return {}

    def lost(self) -> Counter[TP]:
        """Return, once, how many records of each partition were deleted before they were read."""
        found, self._lost = self._lost, Counter()
        return found

    def note(self, tp: TP, offset: int, text: str) -> None:
        """Commit `text` (at most 4 KiB, the broker's limit) as metadata if `offset` is committed."""
        self._notes[tp][offset] = text

    def hold(self, tp: TP, offset: int) -> None:
        """Read no more of `tp` and commit nothing from `offset` on, until it is assigned anew."""
        self._held[tp] = offset
        self.pause_partitions([tp])

    def holds(self, tp: TP) -> bool:
        """Tell whether `tp` is held."""
        return tp in self._held

    def wait_from(self, tp: TP, offset: int | None) -> None:
        """Go on reading `tp` but commit nothing from the chunk with `offset` on; None ends the wait."""
        if offset is None:
            self._waiting.pop(tp, None)
        else:
            self._waiting[tp] = offset

    def read_all(self, tp: TP) -> bool:
        """Tell whether everything in `tp` was read, as far as the broker said."""
        return self.reaches_broker() and (self.highwater(tp) or 0) <= (self._read_offset[tp] or 0)

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Commit what is done before the base class forgets which chunks were acknowledged."""
        await self.commit()
        await super().on_partitions_revoked(revoked)  # waits for chunks in work
        for tp in revoked:
            self._delivered.pop(tp, None)
            self._notes.pop(tp, None)
            self._confirmed.pop(tp, None)
            self._held.pop(tp, None)
            self._waiting.pop(tp, None)

    async def perform_seek(self) -> None:
        """Start again at the committed offsets."""
        for state in (self._delivered, self._notes, self._confirmed, self._waiting, self._acked, self._acked_index):
            state.clear()
        await super().perform_seek()

    def _new_offset(self, tp: TP) -> int | None:
        done = self._acked_index[tp]
        held = min((place[tp] for place in (self._held, self._waiting) if tp in place), default=None)
        end = None
        for last in self._delivered[tp]:
            if last not in done or (held is not None and last >= held):
                break
            end = last + 1
        return end

    def _should_commit(self, tp: TP, offset: int) -> bool:
        return offset > self._confirmed.get(tp, 0)

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        annotated = {tp: OffsetAndMetadata(offset, self._notes[tp].get(offset, "")) for tp, offset in offsets.items()}
        accepted: bool = await self._thread.commit(annotated)
        if accepted:
            self.committed_at = time.time()
            for tp, offset in offsets.items():
                self._forget(tp, offset)
        return accepted

    def _forget(self, tp: TP, offset: int) -> None:
        self._confirmed[tp] = offset
        queue, done = self._delivered[tp], self._acked_index[tp]
        while queue and queue[0] < offset:
            done.discard(queue.popleft())
        self._acked[tp] = [last for last in self._acked[tp] if last >= offset]
        for old in [noted for noted in self._notes[tp] if noted <= offset]:
            del self._notes[tp][old]

    async def _drain_messages(self, fetcher: Any) -> None:
        try:
            while not (self._stopped.is_set() or fetcher._stopped.is_set()):  # noqa: SLF001 - as the base class does
                await self.sleep(0)
                if self.should_stop:
                    return
                await self._wait_for_room()
                records, active = await self._wait_next_records(1.0)
                if records is None or self.should_stop:
                    return
                if not self.flow_active:
                    await self._seek_while_stopped()
                    continue
                for fetched, batch in records.items():
                    tp = TP(fetched.topic, fetched.partition)
                    if active is None or tp in active:
                        await self._deliver(tp, batch)
        except (asyncio.CancelledError, aiokafka.errors.ConsumerStoppedError):
            if not self.transport.app.should_stop:
                raise
        except Exception:
            log.exception("fetch_failed")
            raise

    async def _wait_for_room(self) -> None:
        while sum(len(queue) - len(self._acked_index[tp]) for tp, queue in self._delivered.items()) >= AHEAD:
            if not self.flow_active or self.should_stop:
                return
            await self.sleep(FETCH_PAUSE)

    async def _seek_while_stopped(self) -> None:
        try:
            await self.perform_seek()
        except Exception as error:  # noqa: BLE001 - the rebalance that stopped the flow seeks again
            log.warning("seek_failed", error=type(error).__name__)

    async def _miss(self, tp: TP, wanted: int, found: int) -> None:
        try:
            earliest = (await self.earliest_offsets(tp)).get(TopicPartition(tp.topic, tp.partition), 0)
        except aiokafka.errors.KafkaError:
            earliest = found
        self._lost[tp] += deleted_unread(tp, wanted, found, earliest)

    async def _deliver(self, tp: TP, batch: Records) -> None:
        if self.holds(tp):
            return
        generation = self.app.consumer_generation_id
        read = self._read_offset[tp]
        self.app.monitor.track_tp_end_offset(tp, self.highwater(tp))
        if read is not None and batch[0].offset > read:
            await self._miss(tp, read, batch[0].offset)
        fresh = batch if read is None else [record for record in batch if record.offset >= read]
        for piece in pieces(fresh, self._chunk):
            if not self.flow_active or generation != self.app.consumer_generation_id:
                return  # a rebalance began: what was not delivered is fetched again
            last = piece[-1]

            message: Any = self._to_message(tp, last)
            message.value = piece
            self._delivered[tp].append(last.offset)
            await self.wait_first(self.callback(message), self.suspend_flow.wait())
            if generation == self.app.consumer_generation_id:
                self._read_offset[tp] = last.offset + 1


class ChunkTransport(StockTransport):
    """The aiokafka driver with chunks of at most `chunk` records for messages."""

    Consumer = ChunkConsumer

    def __init__(self, *args: Any, chunk: int, **kwargs: Any) -> None:
        self.chunk = chunk
        lenient.install()
        super().__init__(*args, **kwargs)
