"""The aggregator at work: the SuperLink and its executor as processes, and a loop that drives job after job."""

import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

import msgspec

from aggregator import authority
from aggregator.children import Child
from aggregator.driver import Driver, ask_to_stop, reports, unfinished
from aggregator.flower import Control
from aggregator.home import Home, environment
from aggregator.launcher import LEAST_TOKEN, TOKEN_FILE
from aggregator.plan import every
from deepsentry import logs
from deepsentry.errors import FederationError, SettingsError
from deepsentry.events.work import Job, JobReport
from deepsentry.metrics import FederationMetrics
from deepsentry.sections import Federation

TOKEN: Final = "control.token"  # noqa: S105 - the name of a file
EXECUTOR: Final = "executor.secret"
EXECUTED: Final = (
    "from aggregator.children import follow_parent; follow_parent(); "
    "from flwr.supercore.cli import flower_superexec; flower_superexec()"
)
STEP_S: Final = 0.5
COUNT_S: Final = 5.0
"""Seconds between two looks at which sites are online."""

log = logs.get("federation")


class Source(Protocol):
    """Where jobs come from beside the queue, and where reports go beside the job's folder."""

    def poll(self) -> Iterable[Job]:
        """Return the jobs that came since."""

    def publish(self, report: JobReport) -> None:
        """Tell how far a job is."""


class Alone:
    """Without a broker: jobs come from the queue alone."""

    def poll(self) -> Iterable[Job]:
        """Return nothing."""
        return ()

    def publish(self, report: JobReport) -> None:
        """Tell nobody else."""


def prepare(section: Federation) -> Home:
    """Make what an aggregator needs: folders, secrets, authority, certificate. Raises SettingsError."""
    home = Home(section.home.absolute())
    home.make()
    token = section.token.get_secret_value()
    if token and len(token) < LEAST_TOKEN:
        message = f"federation.token has {len(token)} characters; it needs at least {LEAST_TOKEN}"
        raise SettingsError(message)
    if token:
        home.keep_secret(TOKEN, token)
    home.secret(TOKEN)
    home.secret(EXECUTOR)
    authority.ensure(home.keys, names_of(section))
    return home


def names_of(section: Federation) -> list[str]:
    """Return the names that the certificate is for; loopback is always among them, for our own processes."""
    given = [name.strip() for name in section.names.split(",") if name.strip()]
    return list(dict.fromkeys([*given, "127.0.0.1", "localhost"]))


def control_of(section: Federation, home: Home) -> Control:
    """Return a connection to the Control API of this machine's SuperLink."""
    authority_file, token = home.keys / authority.CA_CERT, home.keys / TOKEN
    if not (authority_file.exists() and token.exists()):
        message = f"{home.root} is no aggregator yet; `deepsentry aggregator serve` makes it one"
        raise FederationError(message)
    return Control(f"127.0.0.1:{section.port}", authority_file.read_bytes(), token.read_text(encoding="ascii").strip())


def start(section: Federation, home: Home) -> list[Child]:
    """Start the SuperLink by our launcher, and the executor that runs ServerApps."""
    keys = home.keys
    shared = environment(home.root / "flower")
    link = shared | {TOKEN_FILE: str(keys / TOKEN)}
    superlink = [
        *("-m", "aggregator.launcher", "--host", section.host, "--port", str(section.port)),
        *("--isolation", "process", "--superexec-auth-secret-file", str(keys / EXECUTOR)),
        "--disable-runtime-dependency-installation",
        *("--ssl-ca-certfile", str(keys / authority.CA_CERT), "--ssl-certfile", str(keys / authority.CERT)),
        *("--ssl-keyfile", str(keys / authority.KEY), "--enable-supernode-auth", "--database", str(home.state)),
    ]
    executor = [
        *("-c", EXECUTED),
        *("--runtime-api-address", f"127.0.0.1:{section.port}", "--root-certificates", str(keys / authority.CA_CERT)),
        *("--superexec-auth-secret-file", str(keys / EXECUTOR)),
    ]
    return [
        Child("superlink", superlink, link, home.logs / "superlink.log"),
        Child("executor", executor, shared, home.logs / "executor.log"),
    ]


class Serving:
    """Drives jobs, one at a time, until told to stop."""

    def __init__(
        self,
        home: Home,
        control: Control,
        children: list[Child],
        source: Source,
        metrics: FederationMetrics,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._home = home
        self._control = control
        self._children = children
        self._source = source
        self._metrics = metrics
        self._now = now
        self._driver: Driver | None = None
        self._counted = datetime.min.replace(tzinfo=UTC)
        self.stopping = threading.Event()

    def run(self) -> None:
        """Go on until `stopping` is set."""
        while not self.stopping.is_set():
            self.step()
            self.stopping.wait(STEP_S)

    def step(self) -> None:
        """Look after everything once."""
        for child in self._children:
            child.check()
        for job in self._source.poll():
            self._take(job)
        self._count()
        if self._driver is None:
            due = self._next()
            self._driver = Driver(due, self._home, self._control, self._publish) if due else None
        elif self._driver.step():
            self._over(self._driver.job)
            self._driver = None

    def _take(self, job: Job) -> None:
        """Queue a job that came from elsewhere; one that is known may be asked to stop."""
        try:
            known = self._home.job(job.id).exists() or (self._home.queue / f"{job.id}.json").exists()
            if job.stopped and known:
                ask_to_stop(self._home, job.id)
            elif not known and not job.stopped:
                self._home.put(job)
        except FederationError as error:
            log.warning("job_refused", reason=str(error))

    def _next(self) -> Job | None:
        """Return what to drive now: what a restart interrupted, then the queue."""
        if interrupted := unfinished(self._home):
            return interrupted[0]
        due = next((job for job in self._home.queued() if job.at <= self._now()), None)
        if due is not None:
            self._home.taken(due)
        return due

    def _over(self, job: Job) -> None:
        """Queue a job that repeats anew."""
        told = reports(self._home.job(job.id))
        log.info("job_over", job=job.id, state=told[-1].state, message=told[-1].message)
        self._metrics.jobs.labels(told[-1].state).inc()
        try:
            seconds = every(str(job.parameters.get("every", "")))
        except FederationError:
            return  # it failed for that
        if seconds and told[-1].state != "stopped":
            stem, _, number = job.id.rpartition("--")
            follower = f"{stem}--{int(number) + 1}" if stem and number.isdigit() else f"{job.id}--2"
            self._home.put(msgspec.structs.replace(job, id=follower, at=self._now() + timedelta(seconds=seconds)))

    def _publish(self, report: JobReport) -> None:
        log.info("job_report", job=report.job, state=report.state, message=report.message)
        if report.state == "running":
            self._metrics.rounds.inc()
        self._source.publish(report)

    def _count(self) -> None:
        """Count the sites that are enrolled, and those that are connected."""
        now = self._now()
        if (now - self._counted).total_seconds() < COUNT_S:
            return
        self._counted = now
        enrolled = {site.node for site in self._home.sites().values()}
        self._metrics.enrolled.set(len(enrolled))
        try:
            online = {node for node, status in self._control.nodes().items() if status == "online"}
        except FederationError:
            self._metrics.connected.set(0)
            return
        self._metrics.connected.set(len(online & enrolled))
