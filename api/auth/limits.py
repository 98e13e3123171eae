"""Rate limits, counted in Redis for all processes; in this process alone where the cache is away."""

import time
from contextlib import suppress
from typing import Any, Final

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import FixedWindowRateLimiter
from redis.asyncio import ConnectionPool

from api.auth.counting import Counting
from api.breaker import Breaker
from api.cache import answer
from api.errors import CacheAway, TooMany

SIGN_INS: Final = RateLimitItemPerMinute(30, namespace="sign-in")
"""From one address: each costs a quarter of a second of a core."""


class Limits:
    """Counts requests of whoever is named."""

    def __init__(self, pool: ConnectionPool | None, prefix: str, requests: int) -> None:
        self._requests = RateLimitItemPerMinute(requests, namespace="requests") if requests else None
        self._alone = FixedWindowRateLimiter(MemoryStorage())
        self._breaker = Breaker(CacheAway, time.monotonic)
        self._storage = _storage(pool, prefix) if pool else None
        self._shared = FixedWindowRateLimiter(self._storage) if self._storage else None
        self._counting = Counting(self._add if self._storage else None)

    def request(self, who: str) -> None:
        """Count a request of any kind. Raises TooMany."""
        if self._requests is not None and self._counting.count(who) > self._requests.amount:
            raise _too_many(self._requests)

    async def close(self) -> None:
        """Finish what is under way."""
        await self._counting.close()

    async def hit(self, limit: RateLimitItem, who: str) -> None:
        """Count one request. Raises TooMany past the limit."""
        if not await self._hit(limit, who):
            raise _too_many(limit)

    async def _hit(self, limit: RateLimitItem, who: str) -> bool:
        if self._shared is not None:
            shared = self._shared
            with suppress(CacheAway):
                return await answer(self._breaker, lambda: shared.hit(limit, who))
        return await self._alone.hit(limit, who)

    async def _add(self, who: str, requests: int) -> int:
        storage, limit = self._storage, self._requests
        if storage is None or limit is None:
            return requests
        return await answer(self._breaker, lambda: storage.incr(limit.key_for(who), limit.get_expiry(), requests))


def _too_many(limit: RateLimitItem) -> TooMany:
    message = f"more than {limit.amount} requests a minute"
    return TooMany(message, limit.get_expiry() - time.time() % limit.get_expiry())


def _storage(pool: ConnectionPool, prefix: str) -> RedisStorage:
    # the pool knows where; the library wants an address all the same
    options: dict[str, Any] = {"connection_pool": pool}
    return RedisStorage("async+redis://", implementation="redispy", key_prefix=f"{prefix}limits", **options)
