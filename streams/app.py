"""Composes the stream: reads as the architecture does, from the broker to the agents of one stage."""

import logging
import ssl
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final, Literal, cast

import faust
import mode
from faust.types import TP
from rich.console import Console

from deepsentry import __version__, logs, topics
from deepsentry.errors import SettingsError
from deepsentry.metrics import Metrics
from deepsentry.settings import Kafka, Settings
from deepsentry.topics import Topic
from streams import agents
from streams.alerting import Raising, Telling
from streams.alerts.notifiers.compose import build
from streams.alerts.notifiers.webhook import Surroundings
from streams.champions import Champion
from streams.ending import end_within
from streams.health import Progress
from streams.keying import Keyer
from streams.meter import Meter
from streams.offline import BUILT_IN
from streams.outbox import Outbox
from streams.redaction import create_redactor
from streams.sanitize import Sanitizer
from streams.score import Scorer
from streams.sessions import Sessions
from streams.shippers import create_decoder
from streams.transport import ChunkConsumer, ChunkTransport

Stage = Literal["sanitize", "score", "alert"]
NEEDED: Final[dict[Stage, tuple[Topic, ...]]] = {
    "sanitize": (topics.RAW, topics.CLEAN, topics.REJECTED, topics.MODELS),
    "score": (topics.CLEAN, topics.SEQUENCES, topics.ANOMALIES, topics.MODELS),
    "alert": (topics.ANOMALIES, topics.ALERTS, topics.REJECTED),
}
"""Stage -> topics that must exist before it starts."""
SHORTEST_KEY: Final = 16
FINISH_WITHIN: Final = 30.0
"""Seconds until a worker that was told to end does so; half of what an orchestrator gives it."""
AWAY_WITHIN: Final = 3.0
"""The same while no broker answers."""

log = logs.get("app")


class StreamApp(faust.App):
    """A Faust app that keeps nothing on disk, ends its outbox last, and ends at all."""

    logger = logging.getLogger("faust.app")
    outbox: Outbox | None = None
    progress: Progress | None = None

    async def on_stop(self) -> None:
        """Stop the agents, then what they publish through; without a broker a chunk in work cannot be finished."""
        end_within(FINISH_WITHIN if self.progress is None or not self.progress.waiting else AWAY_WITHIN)
        await super().on_stop()
        if self.outbox is not None:
            await self.outbox.stop()

    def _create_directories(self) -> None:
        """Tables would live there; there are none."""


def create_app(settings: Settings, stage: Stage, metrics: Metrics, progress: Progress) -> StreamApp:
    """Return the app of `stage`, in a consumer group of its own. Raises SettingsError."""
    app = _app(settings, stage)
    app.progress = progress
    app.outbox = outbox = Outbox(settings.kafka)
    meter = Meter(stage, metrics, progress)
    app.timer(1.0)(_watch(app, settings.kafka, outbox, meter))
    match stage:
        case "sanitize":
            _sanitize(app, settings, outbox, meter)
        case "score":
            _score(app, settings, outbox, meter)
        case "alert":
            _alert(app, settings, outbox, meter)
    return app


def group_of(settings: Settings, stage: Stage) -> str:
    """Return the consumer group of `stage`."""
    return f"{settings.kafka.group_prefix}-{stage}"


def _sanitize(app: StreamApp, settings: Settings, outbox: Outbox, meter: Meter) -> None:
    champion = Champion(settings, meter.metrics)
    champion.refresh()
    key = settings.redaction.site_key.get_secret_value().encode()
    if len(key) < SHORTEST_KEY:
        message = (
            f"redaction.site_key has {len(key)} characters, at least {SHORTEST_KEY} are needed: set "
            "DEEPSENTRY_REDACTION__SITE_KEY_FILE to a file made by `openssl rand -hex 32`"
        )
        raise SettingsError(message)
    redactor = create_redactor(settings.redaction, key)
    sanitizer = Sanitizer(create_decoder(settings.ingest), redactor, keyer_of(settings, champion))

    async def rekey() -> None:
        sanitizer.keyer = keyer_of(settings, champion)

    app.agent(_channel(app, topics.RAW), name="sanitize")(agents.sanitize(sanitizer, outbox, meter))
    app.task(_follow(champion, rekey))


def _score(app: StreamApp, settings: Settings, outbox: Outbox, meter: Meter) -> None:
    champion = Champion(settings, meter.metrics)
    champion.refresh()
    scorer = Scorer(topics.CLEAN.name, _now)
    scorer.detector = champion.detector
    sessions = Sessions(
        settings,
        group_of(settings, "score"),
        scorer,
        outbox,
        meter,
        lambda: cast("ChunkConsumer", app.consumer),
        time.monotonic,
    )

    async def adopt() -> None:
        await sessions.adopt(champion.detector)

    app.agent(_channel(app, topics.CLEAN), name="score")(agents.score(sessions, meter))
    app.on_partitions_assigned.connect(_on_assigned(sessions.assigned))
    app.timer(1.0)(sessions.tick)
    app.task(_follow(champion, adopt))


def _alert(app: StreamApp, settings: Settings, outbox: Outbox, meter: Meter) -> None:
    raising = Raising(settings, outbox, meter, _now)
    source = f"/{settings.kafka.group_prefix}"
    targets = build(settings.alerts.targets, source, Console(), Surroundings(_now), time.monotonic)
    telling = Telling(settings, targets, outbox, meter)

    async def assigned(partitions: set[TP]) -> None:
        await raising.assigned({tp.partition for tp in partitions if tp.topic == topics.ANOMALIES.name})
        telling.forget()

    app.agent(_channel(app, topics.ANOMALIES), name="alert")(agents.alert(raising, meter))
    app.agent(_channel(app, topics.ALERTS), name="notify")(agents.notify(telling, meter))
    app.on_partitions_assigned.connect(_on_assigned(assigned))
    app.timer(1.0)(raising.tick)


def keyer_of(settings: Settings, champion: Champion) -> Keyer:
    """Return what finds session ids: the operator's pattern, else what the champion learned, else the built-in ones."""
    learned = champion.detector.key_pattern if champion.detector else ""
    return Keyer(settings.sequences.key or learned or BUILT_IN)


def _app(settings: Settings, stage: Stage) -> StreamApp:
    kafka = settings.kafka
    app = StreamApp(
        group_of(settings, stage),
        broker=[f"kafka://{server}" for server in kafka.bootstrap.split(",")],
        broker_credentials=_credentials(kafka),
        broker_client_id=f"deepsentry-{stage}-{__version__}",
        broker_commit_interval=settings.worker.commit_interval,
        broker_session_timeout=kafka.session_timeout,
        broker_heartbeat_interval=min(3.0, kafka.session_timeout / 4),
        broker_max_poll_records=settings.worker.chunk,
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=f"{kafka.instance_id}-{stage}" if kafka.instance_id else None,
        consumer_max_fetch_size=4 * topics.MIB,
        producer_request_timeout=30.0,
        key_serializer="raw",
        value_serializer="raw",
        store="memory://",
        stream_buffer_maxsize=16,  # chunks, not messages
        stream_wait_empty=True,
        table_standby_replicas=0,
        topic_disable_leader=True,
        topic_allow_declare=False,
        agent_supervisor=mode.CrashingSupervisor,
        web_enabled=False,
        worker_redirect_stdouts=False,
    )
    app.transport = ChunkTransport(app.conf.broker_consumer, app, chunk=settings.worker.chunk)
    return app


def _credentials(kafka: Kafka) -> Any:
    match kafka.security_protocol:
        case "PLAINTEXT":
            return None
        case "SSL":
            return faust.SSLCredentials(_tls(kafka))
        case "SASL_PLAINTEXT":
            return _sasl(kafka, None)
        case "SASL_SSL":
            return _sasl(kafka, _tls(kafka))


def _sasl(kafka: Kafka, context: ssl.SSLContext | None) -> faust.SASLCredentials:
    return faust.SASLCredentials(
        username=kafka.sasl_username,
        password=kafka.sasl_password.get_secret_value(),
        mechanism=kafka.sasl_mechanism,
        ssl_context=context,
    )


def _tls(kafka: Kafka) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=kafka.ssl_ca_file)


class _Raw(faust.Schema[Any, Any]):
    """Hands the chunk through; no codec runs for each message."""

    def loads_key(self, app: Any, message: Any, *, loads: Any = None, serializer: Any = None) -> Any:  # noqa: ARG002
        return message.key

    def loads_value(self, app: Any, message: Any, *, loads: Any = None, serializer: Any = None) -> Any:  # noqa: ARG002
        return message.value


def _channel(app: StreamApp, topic: Topic) -> Any:
    return app.topic(topic.name, schema=_Raw())


def _follow(champion: Champion, changed: Callable[[], Awaitable[None]]) -> Callable[[], Any]:
    async def follow() -> None:
        await champion.follow(changed)

    return follow


def _on_assigned(assigned: Callable[[set[TP]], Any]) -> Callable[..., Any]:
    async def handle(_app: Any, partitions: set[TP], **_: Any) -> None:
        await assigned(partitions)

    return handle


def _watch(app: StreamApp, kafka: Kafka, outbox: Outbox, meter: Meter) -> Callable[[], Any]:
    away = f"no broker answers at {kafka.bootstrap}"

    async def watch() -> None:
        consumer = cast("ChunkConsumer", app.consumer)
        behind = consumer.behind()
        for tp, lag in behind.items():
            meter.metrics.lag.labels(tp.topic, str(tp.partition)).set(lag)
        meter.metrics.assigned.set(len(behind))
        meter.metrics.last_commit.set(consumer.committed_at)
        lost = app.consumer_generation_id and not consumer.reaches_broker()
        waiting = away if lost or outbox.waiting else ""
        if waiting != meter.progress.waiting:
            meter.progress.waiting = waiting
            log.warning("waiting" if waiting else "resumed", reason=waiting or f"{kafka.bootstrap} answers again")
        meter.progress.assigned = len(behind) if app.consumer_generation_id else None
        meter.progress.beat(sum(behind.values()))

    return watch


def _now() -> datetime:
    return datetime.now(UTC)
