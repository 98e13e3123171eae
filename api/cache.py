"""The cache: what was read lately, in groups that are dropped together. Without it everything works, slower."""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final, Protocol, TypeVar

from redis.asyncio import ConnectionPool
from redis.asyncio import Redis as Client
from redis.exceptions import AuthenticationError, RedisError

from api.breaker import Breaker
from api.errors import CacheAway
from api.metrics import ApiMetrics
from api.reasons import REFUSED, reason
from deepsentry import wire
from deepsentry.control import Redis
from deepsentry.errors import SettingsError, WireError

T = TypeVar("T")
Read = bytes | None
KEEP: Final = """
if redis.call('GET', KEYS[2]) ~= ARGV[3] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
"""
"""Keeps a value unless its group was dropped since the value was read."""
LONGEST: Final = 3600


class Cache(Protocol):
    """Keeps values of a group for a while; never the only place where something stands."""

    async def through(
        self, group: str, name: str, kind: type[T], seconds: float, load: Callable[[], Awaitable[T]]
    ) -> T:
        """Return the value `name` of `group`, from `load` where it is not kept; it may be `seconds` old."""
        ...

    async def drop(self, group: str) -> None:
        """Forget every value of a group, also those that are being loaded now."""
        ...

    async def ping(self) -> None:
        """Ask for a sign of life. Raises CacheAway."""
        ...

    async def close(self) -> None:
        """Give back every connection."""
        ...


class NoCache:
    """Where no cache is configured: everything is loaded."""

    async def through(
        self,
        group: str,  # noqa: ARG002 - it is the seam's
        name: str,  # noqa: ARG002
        kind: type[T],  # noqa: ARG002
        seconds: float,  # noqa: ARG002
        load: Callable[[], Awaitable[T]],
    ) -> T:
        """Return what `load` gives."""
        return await load()

    async def drop(self, group: str) -> None:
        """Nothing is kept."""

    async def ping(self) -> None:
        """Raise CacheAway: there is none."""
        message = "none is configured"
        raise CacheAway(message)

    async def close(self) -> None:
        """Nothing is open."""


class RedisCache:
    """A `Cache` in Redis or Valkey; the pool is shared with the rate limits."""

    def __init__(self, pool: ConnectionPool, prefix: str, metrics: ApiMetrics) -> None:
        self._pool = pool
        self._client = Client(connection_pool=pool)
        self._prefix = prefix
        self._metrics = metrics
        self._breaker = Breaker(CacheAway, time.monotonic)
        self._keep = self._client.register_script(KEEP)
        self._wanted: dict[tuple[str, str], asyncio.Future[Read]] = {}  # by group and name
        self._reading: asyncio.Task[None] | None = None
        self._loading: dict[tuple[str, str, bytes], asyncio.Task[Any]] = {}  # by group, name and epoch

    async def through(
        self, group: str, name: str, kind: type[T], seconds: float, load: Callable[[], Awaitable[T]]
    ) -> T:
        """Return the value, from the cache where it is young enough."""
        try:
            kept = await self._ask(lambda: self._read(group, name))
        except CacheAway:
            self._metrics.cache_reads.labels("away").inc()
            return await load()
        until, _, data = (kept or b"0 ").partition(b" ")
        if float(until) > time.time():
            try:
                value = wire.decode(kind, data)
            except WireError:
                pass  # of another version of this program
            else:
                self._metrics.cache_reads.labels("hit").inc()
                return value
        self._metrics.cache_reads.labels("miss").inc()
        try:
            epoch = await self._ask(lambda: self._epoch(group))  # before it is loaded: a drop meanwhile shows
        except CacheAway:
            epoch = None
        if epoch is None:
            return await load()
        key = (group, name, epoch)
        loading: asyncio.Task[T] | None = self._loading.get(key)
        if loading is None:
            # who saw the same epoch knows of no later change: what is being loaded is right for all of them
            loading = self._loading[key] = asyncio.create_task(self._anew(group, name, seconds, epoch, load))
            loading.add_done_callback(lambda done: self._loaded(key, done))
        return await asyncio.shield(loading)

    async def _anew(self, group: str, name: str, seconds: float, epoch: bytes, load: Callable[[], Awaitable[T]]) -> T:
        value = await load()
        line = b"%.6f " % (time.time() + seconds) + wire.encode(value)
        with suppress(CacheAway):
            await self._ask(lambda: self._keep(self._keys(group), [name, line, epoch, int(1000 * max(seconds, 1))]))
        return value

    def _loaded(self, key: tuple[str, str, bytes], done: asyncio.Task[Any]) -> None:
        del self._loading[key]
        if not done.cancelled():
            done.exception()  # nobody may wait for it any more

    async def drop(self, group: str) -> None:
        """Forget every value of a group; a cache that is away forgets by time."""
        try:
            await self._ask(lambda: self._drop(*self._keys(group)))
        except CacheAway:
            self._metrics.cache_reads.labels("away").inc()

    async def ping(self) -> None:
        """Ask for a sign of life. Raises CacheAway."""
        await self._ask(self._client.ping)

    async def close(self) -> None:
        """Give back every connection."""
        await self._pool.aclose()

    async def _read(self, group: str, name: str) -> Read:
        """Read with what others want to read meanwhile: the more requests wait, the less each costs."""
        wanted = self._wanted.get((group, name))
        if wanted is None:
            wanted = self._wanted[group, name] = asyncio.get_running_loop().create_future()
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read_all())
        return await asyncio.shield(wanted)

    async def _read_all(self) -> None:
        while self._wanted:
            wanted, self._wanted = self._wanted, {}  # who comes from now on wants what is there from now on
            try:
                async with self._client.pipeline(transaction=False) as pipe:
                    for group, name in wanted:
                        pipe.hget(self._keys(group)[0], name)
                    found = await pipe.execute()
            except BaseException as error:
                for future in wanted.values():
                    future.set_exception(error if isinstance(error, Exception) else RedisError("it ended"))
                    future.exception()  # nobody may wait for it any more
                if not isinstance(error, Exception):
                    raise
            else:
                for future, kept in zip(wanted.values(), found, strict=True):
                    future.set_result(kept)

    async def _epoch(self, group: str) -> Read:
        """Return the epoch of a group, which begins where it has none."""
        epochs = self._keys(group)[1]
        async with self._client.pipeline(transaction=False) as pipe:
            pipe.set(epochs, b"0", ex=LONGEST, nx=True)
            pipe.get(epochs)
            _, epoch = await pipe.execute()
        found: Read = epoch
        return found

    def _keys(self, group: str) -> tuple[str, str]:
        """Return where the values of a group are, and its epoch."""
        return f"{self._prefix}v:{group}", f"{self._prefix}e:{group}"

    async def _drop(self, values: str, epochs: str) -> None:
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.incr(epochs)
            pipe.expire(epochs, LONGEST)
            pipe.delete(values)
            await pipe.execute()

    async def _ask(self, ask: Callable[[], Awaitable[T]]) -> T:
        return await answer(self._breaker, ask)


async def answer(breaker: Breaker, ask: Callable[[], Awaitable[T]]) -> T:
    """Return what the cache answers. Raises CacheAway, also without asking while the breaker rests."""

    async def translated() -> T:
        try:
            return await ask()
        except (RedisError, OSError, TimeoutError) as error:
            shut = isinstance(error, AuthenticationError)
            message = f"the cache {REFUSED if shut else reason(error)}"
            raise CacheAway(message) from error

    return await breaker.call(translated)


def connect(redis: Redis) -> ConnectionPool | None:
    """Return the connections of the operator's settings, None where there is no cache; none is opened yet."""
    url = redis.url.get_secret_value()
    if not url:
        return None
    try:
        return ConnectionPool.from_url(
            url,
            socket_connect_timeout=redis.connect_timeout,
            socket_timeout=redis.timeout,
            max_connections=redis.pool_max,
            **_tls(redis, url),
        )
    except ValueError as error:
        message = f"redis.url: {error}"
        raise SettingsError(message) from None


def _tls(redis: Redis, url: str) -> dict[str, Any]:
    """Return whom a connection trusts and what it shows. Raises SettingsError where that cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # only tries the files
    options: dict[str, Any] = {}
    for name, path, option, take in (
        ("tls_ca_file", redis.tls_ca_file, "ssl_ca_certs", context.load_verify_locations),
        ("tls_client_file", redis.tls_client_file, "ssl_certfile", context.load_cert_chain),
    ):
        if path is None:
            continue
        if not url.startswith("rediss://"):
            message = f"redis.{name}: redis.url would not be encrypted; begin it with rediss://"
            raise SettingsError(message)
        try:
            take(path)
        except (OSError, ssl.SSLError):
            message = f"redis.{name}: no such file, or it does not hold in PEM what it should"
            raise SettingsError(message) from None
        options[option] = str(path)
    return options
