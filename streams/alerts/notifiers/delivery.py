"""What all deliveries share: the clock and the chance they take, and how often they are tried."""

import asyncio
import platform
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeVar

from deepsentry.errors import TargetAway
from streams.alerts.asking import Asking

ATTEMPTS: Final = 4
BASE: Final = 0.5
"""Seconds: the n-th wait is uniform in 0 .. BASE * 2**n ("full jitter")."""
PATIENCE: Final = 60.0
"""Seconds: a target that asks for a longer wait is left, so that the wait can be seen and the worker can end."""
AGAIN: Final = 15.0
"""Seconds until a target that failed ATTEMPTS times is worth a new try."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a delivery takes from outside."""

    now: Callable[[], datetime]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    jitter: Callable[[], float] = random.SystemRandom().random
    """Uniform in 0 .. 1."""
    source: str = "/deepsentry"
    """Which installation speaks; with the key of a notice it is unique."""
    host: str = field(default_factory=platform.node)
    """The machine that speaks."""
    asking: Asking = field(default_factory=Asking)
    """Gives the links by which people answer."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One attempt that may be tried again, after `wait` seconds where the target asked for that."""

    reason: str
    wait: float | None = None


async def persist(setting: str, surroundings: Surroundings, attempt: Callable[[], Awaitable[T | Failure]]) -> T:
    """Return what `attempt` gives, after at most ATTEMPTS of it. Raises TargetAway, which names `setting`."""
    reason = ""
    for number in range(1, ATTEMPTS + 1):
        result = await attempt()
        if not isinstance(result, Failure):
            return result
        reason = result.reason
        if result.wait is not None and result.wait > PATIENCE:
            message = f"{setting}: {reason}, and asked to wait {result.wait:.0f} s"
            raise TargetAway(message, result.wait)
        if number < ATTEMPTS:
            await surroundings.sleep(surroundings.jitter() * BASE * 2.0**number + (result.wait or 0.0))
    message = f"{setting}: gave up after {ATTEMPTS} attempts: {reason}"
    raise TargetAway(message, AGAIN + surroundings.jitter() * AGAIN)
