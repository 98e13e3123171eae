"""Rate limits, counted in Redis for all processes; in this process alone where the cache is away."""

import time
from contextlib import suppress
from typing import Any, Final

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import FixedWindowRateLimiter
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError

from api.breaker import Breaker
from api.errors import CacheAway, TooMany

SIGN_INS: Final = RateLimitItemPerMinute(30, namespace="sign-in")
"""From one address: each costs a quarter of a second of a core."""


class Limits:
    """Counts requests of whoever is named."""

    def __init__(self, pool: ConnectionPool | None, prefix: str, requests: int) -> None:
        self._requests = RateLimitItemPerMinute(requests, namespace="requests") if requests else None
        self._alone = FixedWindowRateLimiter(MemoryStorage())
        self._breaker = Breaker(CacheAway, time.monotonic)
        self._shared = FixedWindowRateLimiter(_storage(pool, prefix)) if pool else None

    async def request(self, who: str) -> None:
        """Count a request of any kind. Raises TooMany."""
        if self._requests is not None:
            await self.hit(self._requests, who)

    async def hit(self, limit: RateLimitItem, who: str) -> None:
        """Count one request. Raises TooMany past the limit."""
        if not await self._hit(limit, who):
            message = f"more than {limit.amount} requests a minute"
            raise TooMany(message, limit.get_expiry() - time.time() % limit.get_expiry())

    async def _hit(self, limit: RateLimitItem, who: str) -> bool:
        if self._shared is not None:
            shared = self._shared

            async def ask() -> bool:
                try:
                    return await shared.hit(limit, who)
                except (RedisError, OSError, TimeoutError) as error:
                    message = "the cache does not answer"
                    raise CacheAway(message) from error

            with suppress(CacheAway):
                return await self._breaker.call(ask)
        return await self._alone.hit(limit, who)


def _storage(pool: ConnectionPool, prefix: str) -> RedisStorage:
    # the pool knows where; the library wants an address all the same
    options: dict[str, Any] = {"connection_pool": pool}
    return RedisStorage("async+redis://", implementation="redispy", key_prefix=f"{prefix}limits", **options)
