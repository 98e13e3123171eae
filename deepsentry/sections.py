"""The tables of deepsentry.toml: one class a table, one line on each field that needs it."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from deepsentry.section import Section


class Kafka(Section):
    """The broker, and how topics are laid out."""

    bootstrap: str = "127.0.0.1:9092"
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    sasl_username: str = ""
    sasl_password: SecretStr = SecretStr("")
    ssl_ca_file: Path | None = None
    partitions: int = Field(12, ge=1, le=1000)
    replication: int = Field(1, ge=1, le=9)
    group_prefix: str = Field("deepsentry", pattern=r"^[a-z0-9][a-z0-9.-]*$")
    instance_id: str = ""
    session_timeout: float = Field(15.0, gt=1, le=300)
    """Seconds until the group gives away the partitions of a member that fell silent."""


class Ingest(Section):
    """How records become entries."""

    formats: dict[str, Literal["auto", "json", "msgpack", "otlp_proto", "otlp_json", "gelf", "line"]] = Field({})
    """Topic -> format, where it must not be sniffed."""
    max_line_bytes: int = Field(1_048_576, ge=1024)
    default_timezone: str = "UTC"
    """IANA zone of times that carry none."""
    continuation: str = ""
    """RE2 pattern: how lines begin that go on with the line before them, such as `\\s|Caused by:`. Empty: none does."""
    brake_ratio: float = Field(0.5, gt=0, le=1)
    """A partition is read no further where more than this share of its newest records was rejected; 1 never brakes."""
    brake_records: int = Field(1000, ge=1)
    """How many of its newest records count, and how many must have come before the brake can hold."""


class Redaction(Section):
    """What the sanitizer masks. The rules are data: streams/redaction/rules/*.toml, and an operator's own."""

    site_key: SecretStr = SecretStr("")
    """Key of the tokens `<email:3f9a>`, the same for all workers of a site; at least 16 characters. A sanitize worker
    does not start without one."""
    mask_ip: bool = False
    """Mask IP and MAC addresses and host names too; they are evidence in security logs, so not by default."""
    rules_file: Path | None = None
    """An operator's own rules, in the form of streams/redaction/rules/*.toml."""
    engine: Literal["auto", "hyperscan", "portable"] = "auto"


class Sequences(Section):
    """How entries are put into sequences."""

    key: str = ""
    """RE2 pattern of the session id; its first group, or the whole match, is the key. Empty: what the champion learned,
    or the built-in patterns."""
    idle: float = Field(60.0, gt=0)
    """A sequence closes after so many seconds of event time without a line (wall clock, when the stream is quiet)."""
    patience: float = Field(86_400.0, ge=0)
    """A session is waited for longer where training saw that it may be silent after its last line, at most so long."""
    max_length: int = Field(1000, ge=8)
    """A session is cut after so many lines."""
    window: int = Field(40, ge=4)
    """Lines of a window of a source without session ids."""
    max_open: int = Field(1_000_000, ge=1)
    """Sequences that a worker keeps open; beyond that those that were touched longest ago are judged as they stand."""
    max_lines: int = Field(3_000_000, ge=1)
    """The same for the lines of all of them."""


class Models(Section):
    """Where versions live, and what a threshold is allowed to cost."""

    registry: Path = Path(".deepsentry/registry")
    name: str = Field("detector", pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    budget: float = Field(10.0, gt=0)
    """False alarms a day, at most, for the whole dataset; training turns it into a score."""


class Worker(Section):
    """A stream worker's process."""

    host: str = "127.0.0.1"
    port: int = Field(0, ge=0, le=65535)
    """Serves /metrics and /health; 0 takes a free port and logs it."""
    chunk: int = Field(1000, ge=1, le=100_000)
    """Records handled at once, at most."""
    commit_interval: float = Field(1.0, gt=0, le=60)
    lost_after: float = Field(60.0, ge=1, le=3600)
    """Seconds of silence after which whoever runs a job is taken for dead, and another takes the job."""


class Federation(Section):
    """The aggregator, where this machine is one."""

    home: Path = Path(".deepsentry/federation")
    """Keys, the state of Flower, jobs with their rounds, and the global versions."""
    host: str = "127.0.0.1"
    """Where sites connect; the task API answers loopback only, whatever stands here."""
    port: int = Field(9443, ge=1, le=65535)
    names: str = "localhost,127.0.0.1"
    """Host names and addresses by which sites reach it, the first one goes into start-up kits; comma-separated."""
    token: SecretStr = SecretStr("")
    """Bearer token of the Control API, at least 32 characters; empty: made once, kept in `home`."""
    kafka: bool = True
    """Whether jobs are also taken from the topic of jobs, and reports published."""


class Log(Section):
    """DeepSentry's own log."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "console"] = "auto"
