"""Composes the stream: reads as the architecture does, from the broker to the agents of one stage."""

import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final, Literal, cast

import faust
import mode
from faust.types import TP
from rich.console import Console

from deepsentry import __version__, topics
from deepsentry.errors import SettingsError
from deepsentry.metrics import Metrics
from deepsentry.settings import Settings
from deepsentry.topics import Topic
from streams import agents
from streams.alerting.listening import Listening
from streams.alerting.looking import Looking
from streams.alerting.raising import Raising
from streams.alerting.receipts import KeptReceipts
from streams.alerting.silencing import Silencing
from streams.alerting.telling import Telling
from streams.alerts.asking import Asking
from streams.alerts.notifiers.compose import build
from streams.alerts.notifiers.delivery import Surroundings
from streams.alerts.routes import Routes
from streams.batch.offline import BUILT_IN
from streams.deadletters.braking import Braking
from streams.deadletters.replay import honouring
from streams.ending import end_within
from streams.monitoring.health import STATUS_EVERY, Progress, worker_id
from streams.monitoring.meter import Meter
from streams.monitoring.watching import tell_status, watch
from streams.redaction import create_redactor
from streams.sanitizing.columns import Columns
from streams.sanitizing.joining import Joiner
from streams.sanitizing.sanitize import Sanitizer
from streams.sanitizing.waiting import Waiting
from streams.scoring.champions import LOOK_EVERY, Champion
from streams.scoring.comparing import TURN, Beside
from streams.scoring.recovery import ReadAgain
from streams.scoring.score import Scorer
from streams.scoring.texts import Texts
from streams.scoring.upstream import Upstream
from streams.sessions import Sessions
from streams.shippers import create_decoder
from streams.transport.chunks import ChunkConsumer, ChunkTransport
from streams.transport.credentials import credentials
from streams.transport.outbox import Outbox
from streams.windowing.keying import Keyer

Stage = Literal["sanitize", "score", "alert"]
BESIDE: Final = (topics.SHADOW, topics.SCORES)
NEEDED: Final[dict[Stage, tuple[Topic, ...]]] = {
    "sanitize": (topics.RAW, topics.CLEAN, topics.REJECTED, topics.MODELS, topics.WORKERS),
    "score": (topics.CLEAN, topics.SEQUENCES, topics.ANOMALIES, topics.MODELS, *BESIDE, topics.WORKERS),
    "alert": (topics.ANOMALIES, topics.ALERTS, topics.FEEDBACK, topics.RECEIPTS, topics.REJECTED, topics.WORKERS),
}
"""Stage -> topics that must exist before it starts."""
SHORTEST_KEY: Final = 16
FINISH_WITHIN: Final = 30.0
"""Seconds until a worker that was told to end does so; half of what an orchestrator gives it."""
AWAY_WITHIN: Final = 3.0
"""The same while no broker answers."""


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
    app.timer(1.0)(watch(app, settings.kafka, outbox, meter))
    app.timer(STATUS_EVERY)(tell_status(app, settings, stage, outbox, meter))
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
    meter.progress.versions = lambda: (champion.version, None)
    key = settings.redaction.site_key.get_secret_value().encode()
    if len(key) < SHORTEST_KEY:
        message = (
            f"redaction.site_key has {len(key)} characters, at least {SHORTEST_KEY} are needed: set "
            "DEEPSENTRY_REDACTION__SITE_KEY_FILE to a file made by `openssl rand -hex 32`"
        )
        raise SettingsError(message)
    redactor = create_redactor(settings.redaction, key)
    plain = Sanitizer(honouring(create_decoder(settings.ingest)), redactor, keyer_of(settings, champion))
    sanitizer = Columns(plain, redactor, settings.ingest)
    braking = Braking(settings.ingest, lambda: cast("ChunkConsumer", app.consumer), meter)

    async def rekey() -> None:
        sanitizer.keyer = keyer_of(settings, champion)

    joiner = Joiner(sanitizer, settings.ingest)
    waiting = Waiting(joiner, lambda: cast("ChunkConsumer", app.consumer), time.monotonic)
    app.agent(_channel(app, topics.RAW), name="sanitize")(agents.sanitize(waiting, braking, outbox, meter))
    app.on_partitions_assigned.connect(_on_assigned(waiting.assigned))
    app.timer(1.0)(agents.give_up(waiting, outbox, meter))
    app.on_partitions_assigned.connect(_on_assigned(braking.assigned))
    app.task(_follow(champion, rekey))


def _score(app: StreamApp, settings: Settings, outbox: Outbox, meter: Meter) -> None:
    champion = champion_of(settings, meter)
    scorer = Scorer(topics.CLEAN.name, _now, Texts(ReadAgain(settings, time.monotonic)))
    scorer.detector = champion.detector
    process = f"{worker_id(settings, 'score')}/{int(time.time())}"  # what it numbers begins anew with it
    beside = Beside(settings, meter.metrics, outbox, process, _now)
    scorer.observe = beside.observe
    meter.progress.versions = lambda: (champion.version, beside.challenger.version)
    sessions = Sessions(
        settings,
        group_of(settings, "score"),
        scorer,
        outbox,
        meter,
        lambda: cast("ChunkConsumer", app.consumer),
        time.monotonic,
        Upstream(settings.kafka, group_of(settings, "sanitize"), topics.RAW.name),
    )

    async def adopt() -> None:
        await sessions.adopt(champion.detector)

    app.agent(_channel(app, topics.CLEAN), name="score")(agents.score(sessions, meter))
    app.on_partitions_assigned.connect(_on_assigned(sessions.assigned))
    app.timer(1.0)(sessions.tick)
    app.timer(TURN)(beside.turn)
    app.task(_follow(champion, adopt))
    app.task(_follow(beside.challenger, beside.changed))


def _alert(app: StreamApp, settings: Settings, outbox: Outbox, meter: Meter) -> None:
    silencing = Silencing(settings)
    raising = Raising(settings, silencing, outbox, meter, _now)

    async def assigned(partitions: set[TP]) -> None:
        await raising.assigned({tp.partition for tp in partitions if tp.topic == topics.ANOMALIES.name})

    app.agent(_channel(app, topics.ANOMALIES), name="alert")(agents.alert(raising, meter))
    app.on_partitions_assigned.connect(_on_assigned(assigned))
    app.timer(0.25)(raising.tick)  # what waits in its group waits no longer than it must
    app.task(_always(silencing.follow))
    for listening in _listeners(settings, outbox, meter):
        app.task(_always(listening.run))


def _listeners(settings: Settings, outbox: Outbox, meter: Meter) -> Iterator[Listening]:
    asking = Asking(settings.alerts.links)
    surroundings = Surroundings(_now, source=f"/{settings.kafka.group_prefix}", asking=asking)
    receipts = KeptReceipts(settings.kafka, outbox, _now)
    looking = Looking(settings.kafka)
    wanted = settings.alerts.targets
    routes = Routes(settings.alerts.routes, wanted)
    for name, notifier in build(wanted, Console(), surroundings, receipts, time.monotonic).items():
        telling = Telling(settings, name, notifier, routes, looking, outbox, meter, surroundings, time.monotonic)
        yield Listening(settings, telling, meter, time.time())


def champion_of(settings: Settings, meter: Meter) -> Champion:
    """Return what holds the champion; where there is one that is refused, wait for one that can judge, and say so.

    Lines that nobody could judge would pass for judged: the offset moves on, and no later version looks at them.
    """
    champion = Champion(settings, meter.metrics)
    champion.refresh()
    while champion.refusal:
        meter.progress.beat(lag=0)
        meter.progress.waiting = f"{champion.refusal}; promote another version"
        time.sleep(LOOK_EVERY)
        champion.refresh()
    meter.progress.waiting = ""
    return champion


def keyer_of(settings: Settings, champion: Champion) -> Keyer:
    """Return what finds session ids: the operator's pattern, else what the champion learned, else the built-in ones."""
    learned = champion.detector.key_pattern if champion.detector else ""
    return Keyer(settings.sequences.key or learned or BUILT_IN)


def _app(settings: Settings, stage: Stage) -> StreamApp:
    kafka = settings.kafka
    app = StreamApp(
        group_of(settings, stage),
        broker=[f"kafka://{server}" for server in kafka.bootstrap.split(",")],
        broker_credentials=credentials(kafka),
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
        stream_buffer_maxsize=10_000,  # chunks; the transport bounds them
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


def _always(run: Callable[[], Awaitable[None]]) -> Callable[[], Any]:
    async def always() -> None:
        await run()

    return always


def _on_assigned(assigned: Callable[[set[TP]], Any]) -> Callable[..., Any]:
    async def handle(_app: Any, partitions: set[TP], **_: Any) -> None:
        await assigned(partitions)

    return handle


def _now() -> datetime:
    return datetime.now(UTC)
