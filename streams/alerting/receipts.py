"""Shell: where alerts stand at their targets, remembered on a compacted topic."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Final

from deepsentry import kafka as broker
from deepsentry import logs, topics, wire
from deepsentry.errors import WireError
from deepsentry.events import Receipt
from deepsentry.sections import Kafka
from streams.transport.outbox import Outbox, Outgoing

MOST: Final = 10_000
"""Receipts that are held; of an older alert it is not known where it stands, and it is told anew."""

log = logs.get("receipts")


class KeptReceipts:
    """Receipts of all targets; those of other workers are read when one is missing."""

    def __init__(self, kafka: Kafka, outbox: Outbox, now: Callable[[], datetime]) -> None:
        self._kafka = kafka
        self._outbox = outbox
        self._now = now
        self._known: dict[str, str] = {}
        self._next = 0
        self._reading = asyncio.Lock()

    async def find(self, target: str, alert: str) -> str:
        """Return what was kept for `alert` (its id) at `target`; empty where nothing was."""
        key = f"{target}/{alert}"
        if key not in self._known:
            async with self._reading:
                await asyncio.to_thread(self._catch_up)
        return self._known.get(key, "")

    async def keep(self, target: str, alert: str, receipt: str) -> None:
        """Return when the broker has `receipt`."""
        self._put(f"{target}/{alert}", receipt)
        value = wire.encode(Receipt(target, alert, receipt, self._now()))
        await self._outbox.publish([Outgoing(topics.RECEIPTS.name, f"{target}/{alert}".encode(), value)])

    def _catch_up(self) -> None:
        for record in broker.read(self._kafka, topics.RECEIPTS.name, begin={0: self._next}):
            self._next = record.offset + 1
            if record.value:
                try:
                    receipt = wire.decode(Receipt, record.value)
                except WireError:
                    log.warning("receipt_unreadable", offset=record.offset)
                else:
                    self._put(f"{receipt.target}/{receipt.alert}", receipt.reference)

    def _put(self, key: str, reference: str) -> None:
        self._known.pop(key, None)
        self._known[key] = reference
        while len(self._known) > MOST:
            del self._known[next(iter(self._known))]


class HeldReceipts:
    """Receipts in memory, for a command that tells and ends."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], str] = {}

    async def find(self, target: str, alert: str) -> str:
        """Return what was kept for `alert` (its id) at `target`; empty where nothing was."""
        return self._known.get((target, alert), "")

    async def keep(self, target: str, alert: str, receipt: str) -> None:
        """Keep `receipt`."""
        self._known[target, alert] = receipt
