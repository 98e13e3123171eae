"""The catalogue of metrics: every name, its labels and its meaning. Seconds and bytes, never milliseconds."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

LATENCIES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """What a worker counts; one instance a process, with a registry of its own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.records = Counter("deepsentry_records", "Kafka records read", ["stage"], registry=registry)
        self.entries = Counter(
            "deepsentry_entries", "Log entries handled, by what became of them", ["stage", "outcome"], registry=registry
        )
        self.rejected = Counter("deepsentry_rejected", "Records and elements rejected", ["reason"], registry=registry)
        self.braked = Gauge(
            "deepsentry_braked", "1 while the brake holds a partition", ["topic", "partition"], registry=registry
        )
        self.findings = Counter("deepsentry_findings", "Secrets and personal data masked", ["kind"], registry=registry)
        self.sequences = Counter("deepsentry_sequences", "Sequences closed, by why", ["why"], registry=registry)
        self.open_sequences = Gauge("deepsentry_open_sequences", "Sequences open now", registry=registry)
        self.judged = Counter("deepsentry_judged", "Judgements, by verdict", ["verdict"], registry=registry)
        self.anomalies = Counter("deepsentry_anomalies", "Anomalies emitted", ["severity", "view"], registry=registry)
        self.alerts = Counter("deepsentry_alerts", "Alert updates published", ["status"], registry=registry)
        self.notifications = Counter(
            "deepsentry_notifications", "Notifications, by target and outcome", ["target", "outcome"], registry=registry
        )
        self.notification_delay = Histogram(
            "deepsentry_notification_delay_seconds",
            "From the change of an alert to its acceptance by a target",
            ["target"],
            buckets=LATENCIES,
            registry=registry,
        )
        self.notification_lag = Gauge(
            "deepsentry_notification_lag",
            "Alert records that a target's sender has not read",
            ["target"],
            registry=registry,
        )
        self.stage_seconds = Histogram(
            "deepsentry_stage_seconds", "Time a chunk spends in a step", ["stage"], buckets=LATENCIES, registry=registry
        )
        self.chunk_size = Histogram(
            "deepsentry_chunk_size",
            "Records of a chunk",
            ["stage"],
            buckets=(1, 10, 50, 100, 250, 500, 1000, 2500),
            registry=registry,
        )
        self.lag = Gauge(
            "deepsentry_consumer_lag", "Records not yet handled", ["topic", "partition"], registry=registry
        )
        self.lost = Counter(
            "deepsentry_records_lost",
            "Records that were deleted before they were read",
            ["topic", "partition"],
            registry=registry,
        )
        self.assigned = Gauge("deepsentry_assigned_partitions", "Partitions of this worker", registry=registry)
        self.rebalances = Counter("deepsentry_rebalances", "Assignments received", registry=registry)
        self.last_commit = Gauge(
            "deepsentry_last_commit_timestamp_seconds", "When an offset was last committed", registry=registry
        )
        self.model = Gauge(
            "deepsentry_model_info", "The version in use; the value is 1", ["model", "version"], registry=registry
        )
        self.models_refused = Counter(
            "deepsentry_versions_refused", "Versions that could not be loaded", registry=registry
        )


class FederationMetrics:
    """What an aggregator counts; one instance a process, with a registry of its own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.enrolled = Gauge("deepsentry_federation_sites_enrolled", "Sites that may take part", registry=registry)
        self.connected = Gauge("deepsentry_federation_sites_connected", "Sites connected now", registry=registry)
        self.rounds = Counter("deepsentry_federation_rounds", "Rounds that ended", registry=registry)
        self.jobs = Counter("deepsentry_federation_jobs", "Jobs that ended, by how", ["state"], registry=registry)
