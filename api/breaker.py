"""Spares a server that does not answer: after a few failures in a row it is not asked for a moment."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from api.errors import Away

FAILURES: Final = 5
REST: Final = 2.0
"""Seconds until one request may try again; the others are refused at once."""
T = TypeVar("T")


class Breaker:
    """Guards one server; `clock` gives monotonic seconds."""

    def __init__(self, away: type[Away], clock: Callable[[], float]) -> None:
        self._away = away
        self._clock = clock
        self._failures = 0
        self._again_at = 0.0
        self._why = ""

    async def call(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Return what `ask` returns. Raises the server's Away, also without asking while it rests."""
        if self._failures >= FAILURES:
            if self._clock() < self._again_at:
                message = f"{self._why}; after {self._failures} failures it is not asked for a moment"
                raise self._away(message)
            self._again_at = self._clock() + REST  # this one tries, those beside it do not
        try:
            answer = await ask()
        except Away as error:
            self._why = str(error)
            self._failures += 1
            self._again_at = self._clock() + REST
            raise
        self._failures = 0
        return answer
