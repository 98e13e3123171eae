"""Shell: looks around an alert, beside the stream and within bounds: an alert is never late for want of its context."""

import asyncio
import time
from collections.abc import Iterable
from contextlib import closing
from typing import Final

from deepsentry import feedback, logs, topics, wire
from deepsentry.errors import WireError
from deepsentry.events import Alert, CleanEntry, Context
from deepsentry.sections import Kafka
from streams.alerts import surrounding
from streams.alerts.history import History
from streams.alerts.surrounding import SECONDS
from streams.transport.stretch import Stretch, newest

WITHIN: Final = 2.0
"""Seconds for one look at the clean topic, and for one at the alerts."""
PATIENCE: Final = 0.5
"""Seconds that a notice waits for a look that began when its alert was pending."""
LINES: Final = 6000
"""Clean lines that are looked at, all partitions together."""
BYTES: Final = 8_388_608
ALERTS: Final = 20_000
"""Records of the alert topic that are looked at, the newest."""
HELD: Final = 64
"""Contexts that are held for further targets."""
WAITING: Final = 16
"""Alerts that are looked around at one time; those beyond have no context."""

log = logs.get("looking")


class Looking:
    """Looks around alerts, one after the other, and keeps what it found for every target."""

    def __init__(self, kafka: Kafka) -> None:
        self._kafka = kafka
        self._history = History()
        self._next: dict[str, dict[int, int]] = {topics.ALERTS.name: {}, topics.FEEDBACK.name: {}}
        self._found: dict[str, asyncio.Task[Context | None]] = {}
        """By the strangest anomaly: when that changes, there is another place to look around."""
        self._turn = asyncio.Lock()

    def prepare(self, alert: Alert) -> None:
        """Begin to look around `alert`, if nobody has: it will be told soon."""
        busy = sum(not task.done() for task in self._found.values())
        if alert.anomaly.id in self._found or busy >= WAITING:
            return
        self._found[alert.anomaly.id] = asyncio.create_task(self._look(alert), name=f"context-{alert.id}")
        while len(self._found) > HELD:
            del self._found[next(iter(self._found))]

    async def context(self, alert: Alert) -> Context | None:
        """Return the context of `alert`, None where it cannot be had in time."""
        self.prepare(alert)
        task = self._found.get(alert.anomaly.id)
        if task is None:
            return None
        done, _ = await asyncio.wait([task], timeout=PATIENCE)
        return None if not done or task.cancelled() else task.result()

    async def _look(self, alert: Alert) -> Context | None:
        async with self._turn:
            try:
                return await asyncio.to_thread(self.look, alert)
            except Exception as error:  # noqa: BLE001 - whatever it is, people are told without it
                log.warning("context_missing", alert=alert.id, error=type(error).__name__)
                return None

    def look(self, alert: Alert) -> Context:
        """Return the context of `alert`. Raises KafkaException."""
        for record in self._came(topics.ALERTS.name):
            self._remember(record)
        for verdict in feedback.written(self._came(topics.FEEDBACK.name)).values():
            self._history.judge(verdict)
        entries, whole = minutes_before(self._kafka, alert, WITHIN)
        return surrounding.context(alert, entries, self._history, whole=whole)

    def _came(self, topic: str) -> list[tuple[bytes | None, bytes | None]]:
        place = self._next[topic]
        records = newest(self._kafka, topic, place, ALERTS, WITHIN)
        for partition, offset, _, _ in records:
            place[partition] = offset + 1
        return [(key, value) for _, _, key, value in records]

    def _remember(self, record: tuple[bytes | None, bytes | None]) -> None:
        if record[1]:
            try:
                self._history.take(wire.decode(Alert, record[1]))
            except WireError:
                log.debug("alert_passed_over")


def minutes_before(kafka: Kafka, alert: Alert, within: float) -> tuple[list[CleanEntry], bool]:
    """Return clean lines that came within SECONDS before the alert's deviating line, and whether these are all.

    The clean topic is keyed by sequence, so a neighbour can stand in any partition. Raises KafkaException.
    """
    strange = alert.anomaly
    places = [line.clean.offset for line in strange.lines if line.deviates] or list(strange.positions)
    if not places or (strange.lines and strange.lines[0].clean.topic != topics.CLEAN.name):
        return [], False
    with closing(Stretch(kafka, topics.CLEAN.name, time.monotonic() + within)) as stretch:
        stamp = stretch.stamp(strange.partition, max(places))
        if stamp is None:
            return [], False
        begin, end = stretch.offsets(stamp - SECONDS), stretch.offsets(stamp + 1.0)
        most = LINES // len(begin)
        pieces: dict[int, tuple[int, int]] = {}
        whole = True
        for partition, first in begin.items():
            if first >= 0:
                last = end[partition] if end[partition] >= 0 else stretch.bounds(partition)[1]
                pieces[partition] = (max(first, last - most), last)
                whole &= last - most <= first
        entries, all_came = _decoded(stretch.read(pieces))
        return entries, whole and all_came and stretch.in_time


def _decoded(records: Iterable[tuple[int, int, bytes | None, bytes | None]]) -> tuple[list[CleanEntry], bool]:
    entries: list[CleanEntry] = []
    size = 0
    for _, _, _, value in records:
        size += len(value or b"")
        if size > BYTES:
            return entries, False
        try:
            entries.append(wire.decode(CleanEntry, value or b""))
        except WireError:
            continue
    return entries, True
