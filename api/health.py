"""Whether the control plane can work now: each server that it needs, and how long it took to answer."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Literal

from api.errors import Away
from api.parts import Parts
from api.store.migrations import pending

State = Literal["ok", "degraded", "away"]
WITHIN: Final = 3.0
"""Seconds for all; a probe does not wait longer."""


@dataclass(frozen=True, slots=True)
class Look:
    """One server: whether it answered, in how many seconds, and if not: what that means, and why it is so."""

    name: str
    ok: bool
    seconds: float
    meaning: str = ""
    reason: str = ""


async def look(parts: Parts) -> tuple[State, list[Look]]:
    """Ask every server at once. Without the store nothing works; without the others something does."""
    looks = await asyncio.gather(
        _look("store", lambda: _store(parts), "no request can be answered; it is tried again by itself"),
        _look("cache", parts.cache.ping, "slower; rate limits count in this process only"),
        _look("stream", parts.stream.ping, "what is read from the store works; nothing can be told to the workers"),
    )
    store, *others = looks
    return "away" if not store.ok else "ok" if all(each.ok for each in others) else "degraded", list(looks)


async def _look(name: str, ask: Callable[[], Awaitable[str | None]], meaning: str) -> Look:
    started = time.perf_counter()
    try:
        said = await asyncio.wait_for(ask(), WITHIN)
    except (Away, TimeoutError) as error:
        why = str(error) or f"the {name} did not answer within {WITHIN:g} seconds"
        return Look(name, ok=False, seconds=time.perf_counter() - started, meaning=meaning, reason=why)
    return Look(name, ok=not said, seconds=time.perf_counter() - started, meaning=said or "")


async def _store(parts: Parts) -> str | None:
    await parts.store.ping()
    return "run `deepsentry store migrate`" if await pending(parts.store) else None
