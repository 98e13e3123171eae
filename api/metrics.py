"""What the control plane counts; one instance a process, with a registry of its own."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
ACTIVE_WITHIN: Final = 300.0
MOST_SEEN: Final = 100_000


class ApiMetrics:
    """Requests are counted by prometheus-fastapi-instrumentator in the same registry."""

    def __init__(self, registry: CollectorRegistry, clock: Callable[[], float] = time.monotonic) -> None:
        self.registry = registry
        self._clock = clock
        self._seen: OrderedDict[str, float] = OrderedDict()
        self.store_seconds = Histogram(
            "deepsentry_store_seconds",
            "Time of a question to the store",
            ["operation"],
            buckets=SECONDS,
            registry=registry,
        )
        self.cache_reads = Counter(
            "deepsentry_cache_reads", "Reads of the cache: hit, miss, away", ["outcome"], registry=registry
        )
        self.sign_ins = Counter("deepsentry_sign_ins", "Sign-ins, by outcome", ["outcome"], registry=registry)
        self.active_users = Gauge(
            "deepsentry_active_users", "Users and keys that asked this process within 5 minutes", registry=registry
        )
        self.active_users.set_function(self._active)
        self.jobs = Counter("deepsentry_jobs_created", "Jobs asked for", ["kind"], registry=registry)

    def seen(self, who: str) -> None:
        """Note that a user or key asked."""
        self._seen[who] = self._clock()
        self._seen.move_to_end(who)
        while len(self._seen) > MOST_SEEN:
            self._seen.popitem(last=False)

    def _active(self) -> float:
        gone = self._clock() - ACTIVE_WITHIN
        while self._seen and next(iter(self._seen.values())) < gone:
            self._seen.popitem(last=False)
        return float(len(self._seen))
