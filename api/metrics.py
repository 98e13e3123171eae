"""What the control plane counts; one instance a process, with a registry of its own."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class ApiMetrics:
    """Requests are counted by prometheus-fastapi-instrumentator in the same registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
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
        self.jobs = Counter("deepsentry_jobs_created", "Jobs asked for", ["kind"], registry=registry)
