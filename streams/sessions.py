"""Shell around the score step: holds the open sequences of each assigned partition and publishes what they lead to."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from aiokafka import ConsumerRecord
from faust.types import TP

from deepsentry import kafka as broker
from deepsentry import topics, wire
from deepsentry.events import Cut
from deepsentry.settings import Settings
from streams.monitoring.meter import Meter
from streams.scoring.recovery import restore
from streams.scoring.score import Open, Scored, Scorer, Taken
from streams.scoring.texts import CleanRecord
from streams.transport.cloudevents import headers
from streams.transport.outbox import Outbox, Outgoing
from streams.windowing.marks import reached
from streams.windowing.resume import to_note


class Commits(Protocol):
    """The consumer: takes a note with an offset, and asks the broker where a topic ends."""

    def note(self, tp: TP, offset: int, text: str) -> None:
        """Commit `text` as metadata if `offset` is committed."""

    def reaches_broker(self) -> bool:
        """Tell whether the broker answers."""

    async def highwaters(self, *partitions: TP) -> Mapping[TP, int]:
        """Return partition -> the next offset, as the broker says now; nothing where it gives no answer."""


class Passes(Protocol):
    """The stage before: where its log ends, and whether it has passed that on."""

    async def ends(self) -> dict[int, int] | None:
        """Return partition -> where its log ends now; None where the broker gives no answer."""

    async def passed(self, ends: dict[int, int]) -> bool:
        """Tell whether everything before `ends` was handled."""


@dataclass(slots=True)
class _Held:
    windows: Open
    next: int
    """Offset of the first line not yet taken."""
    arrived: float
    """Monotonic time of the last line."""
    looked: float
    """Monotonic time of the last look at what is quiet."""


class Sessions:
    """All calls are serialised: a chunk, a tick and a rebalance never meet."""

    def __init__(
        self,
        settings: Settings,
        group: str,
        scorer: Scorer,
        outbox: Outbox,
        meter: Meter,
        consumer: Callable[[], Commits],
        clock: Callable[[], float],
        upstream: Passes,
    ) -> None:
        """`consumer` gives the running consumer, which does not exist before the app started."""
        self._settings = settings
        self._group = group
        self._scorer = scorer
        self._outbox = outbox
        self._meter = meter
        self._consumer = consumer
        self._clock = clock
        self._upstream = upstream
        self._stood: tuple[dict[int, int], set[int]] | None = None
        """Where the log before ours ended, when these partitions fell silent."""
        self._held: dict[int, _Held] = {}
        self._lock = asyncio.Lock()

    async def assigned(self, partitions: Iterable[TP]) -> None:
        """Rebuild what was open in `partitions`, and forget what is not ours any more."""
        async with self._lock:
            ours = {tp.partition for tp in partitions if tp.topic == topics.CLEAN.name}
            self._held = {partition: held for partition, held in self._held.items() if partition in ours}
            for partition in sorted(ours):
                await self._restored(partition)

    async def take(self, chunks: Sequence[tuple[TP, list[ConsumerRecord]]]) -> None:
        """Score chunks and publish; returns when the broker has everything, so all of them may be acknowledged."""
        async with self._lock:
            taken: list[Taken] = []
            notes: list[tuple[TP, int, str]] = []
            for tp, records in chunks:
                held = self._held[tp.partition] if tp.partition in self._held else await self._restored(tp.partition)
                lines = [
                    CleanRecord(r.offset, r.timestamp / 1000, r.value or b"", reached(r.headers) if r.headers else None)
                    for r in records
                ]
                taken.append(self._scorer.take(tp.partition, held.windows, lines))
                notes.append((tp, records[-1].offset + 1, to_note(held.windows.resume())))
            scored = self._scorer.judge(taken)
            await self._publish([(tp.partition, each) for (tp, _), each in zip(chunks, scored, strict=True)])
            for tp, end, text in notes:
                held = self._held[tp.partition]
                held.next = end
                held.arrived = held.looked = self._clock()
                self._consumer().note(tp, end, text)

    async def tick(self) -> None:
        """Close what is open where nothing came for the idle time, and nothing waits here or before the sanitizer."""
        async with self._lock:
            now = self._clock()
            if not self._consumer().reaches_broker():  # its silence says nothing of the log
                for held in self._held.values():
                    held.arrived = held.looked = now
            idle = self._settings.sequences.idle
            silent = {p for p, held in self._held.items() if len(held.windows) and now - held.looked > idle}
            if silent and self._stood is None:
                ends = await self._upstream.ends()
                self._stood = None if ends is None else (ends, silent)
            if self._stood is not None and await self._upstream.passed(self._stood[0]):
                for partition in self._stood[1] & silent:
                    await self._quiet(partition, self._held[partition], now)
                self._stood = None

    async def _quiet(self, partition: int, held: _Held, now: float) -> None:
        held.looked = now
        tp = TP(topics.CLEAN.name, partition)
        ends = await self._consumer().highwaters(tp)
        if ends.get(tp) == held.next:
            await self._publish([(partition, self._scorer.quiet(partition, held.windows, now - held.arrived))])

    async def adopt(self, detector: Any) -> None:
        """Judge with `detector` from now on."""
        async with self._lock:
            self._scorer.adopt(detector, {partition: held.windows for partition, held in self._held.items()})

    def _divide(self) -> None:
        """Give each partition its share of what a worker may keep open."""
        for held in self._held.values():
            held.windows.most_open = max(self._settings.sequences.max_open // len(self._held), 1)
            held.windows.most_lines = max(self._settings.sequences.max_lines // len(self._held), 1)

    async def _restored(self, partition: int) -> _Held:
        found = await broker.committed(self._settings.kafka, self._group, topics.CLEAN.name, partition)
        held = self._held.get(partition)
        if held is None or found is None or held.next != found[0]:  # else nobody went on without us
            windows = await asyncio.to_thread(restore, self._settings, self._group, partition, self._scorer, found)
            held = self._held[partition] = _Held(windows, found[0] if found else 0, self._clock(), self._clock())
            self._divide()
        return held

    async def _publish(self, scored: Sequence[tuple[int, Scored]]) -> None:
        """Publish what chunks of partitions led to."""
        await self._outbox.publish(
            Outgoing(
                topics.ANOMALIES.name,
                anomaly.fingerprint.encode(),
                wire.encode(anomaly),
                headers("anomaly.detected", "score", anomaly.id, anomaly.detected_at),
            )
            for _, each in scored
            for anomaly in each.anomalies
        )
        # only now: a cut says that everything before it was told
        await self._outbox.publish(
            Outgoing(
                topics.SEQUENCES.name,
                f"{self._group}/{key}".encode(),
                wire.encode(Cut(self._group, key, offset)),
                partition=partition,
            )
            for partition, each in scored
            for key, offset in each.cuts
        )
        opened = sum(len(held.windows) for held in self._held.values())
        for _, each in scored:
            self._meter.scored(each, opened, verdicts=self._scorer.detector is not None)
