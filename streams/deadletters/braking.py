"""Shell: holds a partition of the raw log whose records are mostly rejected, until it is assigned anew.

The chunk that trips the brake is neither published nor committed; the other partitions go on.
"""

from collections.abc import Callable, Iterable
from typing import Any

from aiokafka import ConsumerRecord
from faust.types import TP

from deepsentry import logs, topics
from deepsentry.events import Rejected
from deepsentry.sections import Ingest
from streams.deadletters.brake import Brake
from streams.deadletters.replay import replayed_from
from streams.monitoring.meter import Meter
from streams.sanitizing.sanitize import Located, Sanitized
from streams.transport.chunks import ChunkConsumer

REMEDY = (
    "mend the shipper or ingest.formats and restart the worker; restarted with DEEPSENTRY_INGEST__BRAKE_RATIO=1 it "
    f"lets them pass to {topics.REJECTED.name}, from where `deepsentry rejected replay` brings them back"
)

log = logs.get("brake")


class Braking:
    """One brake for each partition of this worker."""

    def __init__(self, ingest: Ingest, consumer: Callable[[], ChunkConsumer], meter: Meter) -> None:
        self._ingest = ingest
        self._consumer = consumer
        self._meter = meter
        self._brakes: dict[TP, Brake] = {}

    async def assigned(self, partitions: set[TP]) -> None:
        """Forget what was: a new assignment is a new try, as long as the brake's window."""
        self._brakes = {tp: Brake(self._ingest) for tp in partitions}
        self._meter.freed()

    def admitted(self, event: Any) -> list[ConsumerRecord]:
        """Return the records of a chunk, none where its partition is held; they come again after a restart."""
        records: list[ConsumerRecord] = event.value
        return [] if self._consumer().holds(event.message.tp) else records

    def passed(self, event: Any, done: Sanitized) -> Sanitized:
        """Return what became of a chunk, nothing where most of the newest records were rejected: then it holds."""
        tp = event.message.tp
        brake = self._brakes.setdefault(tp, Brake(self._ingest))
        if self._consumer().holds(tp) or not brake.take(len(event.value), useless(done.rejected)):
            return done
        self._consumer().hold(tp, event.value[0].offset)
        self._meter.held(
            tp, f"the brake holds {tp.topic}/{tp.partition}: {brake.rejected:,} of its last {brake.records:,} records "
            f"were rejected; {REMEDY}"
        )  # fmt: skip
        log.error(
            "partition_held",
            topic=tp.topic,
            partition=tp.partition,
            offset=event.value[0].offset,
            records=brake.records,
            rejected=brake.rejected,
            reasons=sorted({each.reason for _, each in done.rejected}),
            remedy=REMEDY,
        )
        return Sanitized()


def useless(rejected: Iterable[tuple[Located, Rejected]]) -> int:
    """Return how many records of a chunk have nothing that can be used; a replay in vain holds no partition."""
    left: dict[tuple[int, int], int] = {}
    for located, each in rejected:
        if not replayed_from(located.record.headers):
            place = (located.partition, located.offset)
            left[place] = left.get(place, each.elements) - 1
    return sum(count == 0 for count in left.values())
