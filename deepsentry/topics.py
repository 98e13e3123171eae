"""Every topic: name, partitions, retention, cleanup policy. Created explicitly; auto-create is never relied on."""

from dataclasses import dataclass, field
from typing import Final

DAY: Final = 86_400_000  # milliseconds
MIB: Final = 1_048_576
LARGEST: Final = 9 * MIB
"""Bytes of a record that we may publish: the largest that a shipper may send, and the headers that say why it was
rejected."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic; `config` holds Kafka's own topic settings and `spread` follows the operator's partition count."""

    name: str
    purpose: str
    retention_ms: int
    cleanup: str = "delete"
    spread: bool = True
    config: dict[str, str] = field(default_factory=dict)

    def partitions(self, wanted: int) -> int:
        """Return the number of partitions where the operator wants `wanted` for the log topics."""
        return wanted if self.spread else 1

    def settings(self) -> dict[str, str]:
        """Return the configuration that the broker is given."""
        return {
            "retention.ms": str(self.retention_ms),
            "cleanup.policy": self.cleanup,
            # The broker's clock: shippers put event times of any age there, and retention would act on them.
            "message.timestamp.type": "LogAppendTime",
            **self.config,
        }


RAW: Final = Topic(
    "deepsentry.logs.raw.v1",
    "what shippers publish; the only place where a secret can stand",
    retention_ms=DAY,
    config={"max.message.bytes": str(8 * MIB)},
)
CLEAN: Final = Topic(
    "deepsentry.logs.clean.v1",
    "sanitized entries, keyed by sequence; a header of some says how far the raw log was",
    retention_ms=7 * DAY,
    config={"max.message.bytes": str(8 * MIB)},  # a line of escapes grows sixfold in JSON
)
REJECTED: Final = Topic(
    "deepsentry.logs.rejected.v1",
    "records that cannot be used: original bytes, the reason in headers",
    retention_ms=14 * DAY,
    config={"max.message.bytes": str(LARGEST)},
)
REPLAYS: Final = Topic(
    "deepsentry.replays.v1",
    "which rejected records went back, keyed by where they first stood",
    retention_ms=15 * DAY,  # a day longer than what can be replayed
    cleanup="compact,delete",
    spread=False,
)
SEQUENCES: Final = Topic(
    "deepsentry.sequences.v1",
    "up to where sequences that were cut are handled; same partition as the clean line",
    retention_ms=7 * DAY,
    cleanup="compact,delete",
)
ANOMALIES: Final = Topic(
    "deepsentry.anomalies.v1",
    "strange sequences, keyed by fingerprint",
    retention_ms=30 * DAY,
    spread=False,  # incidents and the storm brake need one place that sees all; docs/decisions/0020
)
ALERTS: Final = Topic(
    "deepsentry.alerts.v1",
    "alerts as they open, grow and resolve, keyed by fingerprint",
    retention_ms=30 * DAY,
    cleanup="compact,delete",
    spread=False,
)
RECEIPTS: Final = Topic(
    "deepsentry.receipts.v1",
    "where alerts stand at targets that can change what they show",
    retention_ms=30 * DAY,
    cleanup="compact,delete",
    spread=False,
)
MODELS: Final = Topic(
    "deepsentry.models.v1",
    "which version an alias points to",
    retention_ms=-1,
    cleanup="compact",
    spread=False,
)
FEEDBACK: Final = Topic(
    "deepsentry.feedback.v1", "what people said of alerts", retention_ms=-1, cleanup="compact", spread=False
)

JOBS: Final = Topic(
    "deepsentry.jobs.v1",
    "work that somebody asked for, keyed by job",
    retention_ms=30 * DAY,
    cleanup="compact,delete",
    spread=False,
)
REPORTS: Final = Topic(
    "deepsentry.jobs.reports.v1",
    "how far jobs are, keyed by job and number",
    retention_ms=30 * DAY,
    spread=False,
)
SHADOW: Final = Topic(
    "deepsentry.shadow.v1",
    "what challengers would have said, beside their champions",
    retention_ms=30 * DAY,
    spread=False,
)
SCORES: Final = Topic(
    "deepsentry.scores.v1",
    "how many sequences had which score, by hour",
    retention_ms=30 * DAY,
    cleanup="compact,delete",
    spread=False,
)
WORKERS: Final = Topic(
    "deepsentry.workers.v1",
    "what each worker is doing, keyed by worker",
    retention_ms=DAY,
    cleanup="compact,delete",
    spread=False,
)

TOPICS: Final = (
    RAW,
    CLEAN,
    REJECTED,
    REPLAYS,
    SEQUENCES,
    ANOMALIES,
    ALERTS,
    RECEIPTS,
    MODELS,
    FEEDBACK,
    JOBS,
    REPORTS,
    SHADOW,
    SCORES,
    WORKERS,
)
