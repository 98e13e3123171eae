"""What can go wrong between a request and its answer; api/problems.py knows the statuses.

DeepSentryError
|- Unknown             who asks is not known
|- Refused             it is known who asks, and it is not allowed
|- InvalidInput        a part of the request cannot be used; names each and says why
|- Conflict            what is asked contradicts what is there
|  |- Duplicate        a unique value is taken
|  |- InProgress       the same request is still being answered
|  `- KeyReused        an idempotency key came with another request
|- RevisionMissing     an update does not say which revision it saw
|- RevisionPassed      the thing was changed since it was read
|- TooLarge            a body is larger than is allowed
|- TooMany             too many requests, or failed attempts
`- Away                a server that this one needs does not answer
   |- StoreAway
   |- CacheAway
   `- StreamAway
"""

from collections.abc import Mapping
from typing import Final

from deepsentry.errors import DeepSentryError

BEARER: Final = 'Bearer realm="deepsentry"'


class Unknown(DeepSentryError):
    """Who asks is not known: no token, or one that does not hold."""

    def __init__(self, message: str, challenge: str = BEARER) -> None:
        super().__init__(message)
        self.challenge = challenge


class Refused(DeepSentryError):
    """It is known who asks, and it is not allowed."""


class InvalidInput(DeepSentryError):
    """Parts of the request cannot be used; `faults` maps where (`body.name`, `query.cursor`) to why."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{where}: {why}" for where, why in faults.items()))
        self.faults = dict(faults)


class Conflict(DeepSentryError):
    """What is asked contradicts what is there."""


class Duplicate(Conflict):
    """A value that must be unique is taken."""


class InProgress(Conflict):
    """The same request, by its idempotency key, is still being answered."""


class KeyReused(Conflict):
    """An idempotency key came with another request."""


class RevisionMissing(DeepSentryError):
    """An update does not say which revision it saw."""


class RevisionPassed(DeepSentryError):
    """The thing was changed since it was read."""


class TooLarge(DeepSentryError):
    """A body is larger than is allowed."""


class TooMany(DeepSentryError):
    """Too many requests, or failed attempts; again after `wait` seconds."""

    def __init__(self, message: str, wait: float) -> None:
        super().__init__(message)
        self.wait = wait


class Away(DeepSentryError):
    """A server that this one needs does not answer; it is tried again by itself."""

    name = "server"


class StoreAway(Away):
    """The store does not answer."""

    name = "store"


class CacheAway(Away):
    """The cache does not answer; whoever asks does without."""

    name = "cache"


class StreamAway(Away):
    """The broker does not answer."""

    name = "stream"
