"""Counts requests of everybody without waiting: here at once, and with the other processes a moment later.

What this process counted is added in the cache twenty times a second, and what all counted comes back. No request waits
for the cache, and somebody who asks several processes gets past the limit by what they take in that moment.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from api.errors import CacheAway

SOON: Final = 0.05
"""Seconds."""
WINDOW: Final = 60
AT_ONCE: Final = 50
Adds = Callable[[str, int], Awaitable[int]]
"""Adds to what is counted of somebody in this window, and returns what all processes counted. Raises CacheAway."""


@dataclass(slots=True)
class _Count:
    ends_at: float
    shared: int = 0
    """What all processes had counted when the cache was last told."""
    since: int = 0
    """What was counted here since."""


class Counting:
    """Requests of whoever is named, in windows of a minute; `add` None: of this process alone."""

    def __init__(self, add: Adds | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._add = add
        self._clock = clock
        self._counts: dict[str, _Count] = {}
        self._telling: asyncio.Task[None] | None = None
        self._looked_at = clock()

    def count(self, who: str) -> int:
        """Count a request, and return how many there were in this window."""
        now = self._clock()
        found = self._counts.get(who)
        if found is None or found.ends_at <= now:
            found = self._counts[who] = _Count(now + WINDOW)
        found.since += 1
        if self._telling is None or self._telling.done():
            self._telling = asyncio.create_task(self._tell())
        return found.shared + found.since

    async def close(self) -> None:
        """Tell the cache what it was not told yet."""
        if self._telling is not None:
            self._telling.cancel()
            await asyncio.gather(self._telling, return_exceptions=True)
        await self._tell_all()

    async def _tell(self) -> None:
        await asyncio.sleep(SOON)
        await self._tell_all()
        now = self._clock()
        if now - self._looked_at > WINDOW:
            self._looked_at = now
            self._counts = {who: count for who, count in self._counts.items() if count.ends_at > now}

    async def _tell_all(self) -> None:
        due = [(who, count) for who, count in self._counts.items() if count.since]
        for at in range(0, len(due), AT_ONCE):
            await asyncio.gather(*(self._tell_of(who, count) for who, count in due[at : at + AT_ONCE]))

    async def _tell_of(self, who: str, count: _Count) -> None:
        told, count.since = count.since, 0
        count.shared += told
        if self._add is None:
            return
        try:
            count.shared = await self._add(who, told)
        except CacheAway:
            return  # it counts here alone
