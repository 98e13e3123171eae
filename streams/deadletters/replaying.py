"""Shell: brings rejected records back to the raw topic, each once, also where it is killed in between.

That a record is about to go back stands in `deepsentry.replays.v1` before it is published, and that it went stands
there after. What has only the first was interrupted: the raw topic is looked at before it is published again.
"""

import contextlib
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from deepsentry import kafka as broker
from deepsentry import topics, wire
from deepsentry.errors import KafkaError, WireError
from deepsentry.events import Replay
from deepsentry.sections import Kafka
from streams.deadletters.quarantine import Quarantined
from streams.deadletters.replay import refusal, replay, replayed_from
from streams.transport.confirming import Confirming
from streams.transport.outbox import Outgoing

BATCH: Final = 500
BATCH_BYTES: Final = 8 * topics.MIB

Log = dict[str, Replay]
"""Origin of a rejected record -> the newest that is known of its replay."""


class Outcome(NamedTuple):
    """What became of one record; `refused` says why it did not go back, empty where it did."""

    found: Quarantined
    refused: str


def read_log(kafka: Kafka) -> Log:
    """Return what was replayed, or begun. Raises KafkaError."""
    log: Log = {}
    for stored in broker.read(kafka, topics.REPLAYS.name):
        if not stored.value:
            log.pop(stored.key.decode("utf-8", "replace"), None)
            continue
        with contextlib.suppress(WireError):
            known = wire.decode(Replay, stored.value)
            log[known.source] = known
    return log


class Replayer:
    """Replays batches of rejected records; `is_alone` tells whether this is still the only process that does."""

    def __init__(self, kafka: Kafka, now: Callable[[], datetime], is_alone: Callable[[], bool]) -> None:
        self._kafka = kafka
        self._now = now
        self._is_alone = is_alone
        self._out = Confirming(kafka)
        self._log = read_log(kafka)

    def settle(self) -> int:
        """Find out what became of replays that were begun and not finished, and return how many there were."""
        begun = [each for each in self._log.values() if not each.done]
        firsts = {partition: first for partition, (first, _) in broker.bounds(self._kafka, topics.RAW.name).items()}
        told = [each for each in begun if each.partition in firsts and firsts[each.partition] <= each.floor]
        arrived = _arrived(self._kafka, told)
        self._finish([msgspec.structs.replace(each, done=(each.id, each.digest) in arrived) for each in told])
        return len(begun)

    def replay(
        self, wanted: Iterable[Quarantined], limit: int = 0, *, again: bool = False, force: bool = False
    ) -> Iterator[Outcome]:
        """Bring back `wanted`, at most `limit` of them if that is not 0, and yield what became of each.

        `again` takes also what was rejected again after a replay, `force` also what was replayed before. Raises
        KafkaError; what was under way is looked for by the next `settle`.
        """
        batch: dict[str, Quarantined] = {}
        size = taken = 0
        for found in wanted:
            refused = self._refusal(found, again=again, force=force)
            if found.origin in batch:
                refused = "the same record is among these, rejected twice"
            if refused:
                yield Outcome(found, refused)
                continue
            batch[found.origin] = found
            size += len(found.value)
            taken += 1
            if taken == limit:
                break
            if len(batch) == BATCH or size > BATCH_BYTES:
                yield from self._bring_back(list(batch.values()))
                batch, size = {}, 0
        yield from self._bring_back(list(batch.values()))

    def _bring_back(self, batch: Sequence[Quarantined]) -> list[Outcome]:
        return self.publish(batch, self.begin(batch)) if batch else []

    def begin(self, batch: Sequence[Quarantined]) -> list[Replay]:
        """Write that `batch` is about to go back, and where it stands if this process ends before it can say so."""
        ends = broker.end_offsets(self._kafka, topics.RAW.name)
        begun = []
        for found in batch:
            partition = found.source.partition % len(ends)
            floor = ends[partition]
            begun.append(Replay(found.id, found.origin, partition, floor, digest(found.value), self._now()))
        self._out.send([_noted(each) for each in begun])
        return begun

    def publish(self, batch: Sequence[Quarantined], begun: Sequence[Replay]) -> list[Outcome]:
        """Publish what was begun, and write that it went; what the topic does not take is forgotten."""
        if not self._is_alone():
            message = "another replay took over; run it again to go on"
            raise KafkaError(message)
        back = [replay(found, each.partition) for found, each in zip(batch, begun, strict=True)]
        refusals = self._out.send(back)
        ended = zip(begun, refusals, strict=True)
        self._finish([msgspec.structs.replace(each, done=not refused) for each, refused in ended])
        return [Outcome(found, refused) for found, refused in zip(batch, refusals, strict=True)]

    def _finish(self, ended: Sequence[Replay]) -> None:
        self._out.send([_noted(each) if each.done else _forgotten(each) for each in ended])
        for each in ended:
            self._log.pop(each.source, None)
            if each.done:
                self._log[each.source] = each

    def _refusal(self, found: Quarantined, *, again: bool, force: bool) -> str:
        if refused := refusal(found):
            return refused
        if replayed_from(found.headers) and not again:
            return "it was rejected again after a replay; --again takes it as well"
        known = self._log.get(found.origin)
        if force or known is None or known.digest != digest(found.value):
            return ""
        if known.done:
            return "it was replayed before; --force replays it once more"
        return "its replay was interrupted so long ago that the raw topic tells no more of it; --force replays it"


def digest(value: bytes) -> str:
    """Return what tells one value from another."""
    return hashlib.sha256(value).hexdigest()


def _arrived(kafka: Kafka, begun: Sequence[Replay]) -> set[tuple[str, str]]:
    """Return the ids and digests of the replays that the raw topic has."""
    begin: dict[int, int] = {}
    for each in begun:
        begin[each.partition] = min(each.floor, begin.get(each.partition, each.floor))
    wanted = {each.id for each in begun}
    if not begin:
        return set()
    stored = ((replayed_from(s.headers), s.value) for s in broker.read(kafka, topics.RAW.name, begin=begin))
    return {(name, digest(value)) for name, value in stored if name in wanted}


def _noted(each: Replay) -> Outgoing:
    return Outgoing(topics.REPLAYS.name, each.source.encode(), wire.encode(each), partition=0)


def _forgotten(each: Replay) -> Outgoing:
    return Outgoing(topics.REPLAYS.name, each.source.encode(), b"", partition=0)
