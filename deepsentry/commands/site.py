"""Commands of a site in a federation: site init, site serve, site roster."""

import secrets
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from aggregator import kit
from aggregator.agent import Agent, Seen
from aggregator.audit import Audit
from aggregator.authority import CA_CERT
from aggregator.children import Child, end
from aggregator.durable import write
from aggregator.flower import Tasks
from aggregator.home import SECRET, environment
from aggregator.kit import SiteFile
from aggregator.ledger import Ledger
from aggregator.participant import Participant, Privately
from aggregator.policy import Policy, read_policy
from aggregator.privacy import Budget
from aggregator.secagg import Terms, read_roster
from aggregator.standing import Masks
from deepsentry import logs, settings
from deepsentry.commands import learn
from deepsentry.commands.output import out
from deepsentry.errors import SettingsError
from deepsentry.events import ModelReference
from deepsentry.settings import Settings
from models.artifact import TrainedVersion
from models.federated import Site
from models.prepare import LoggedSequence
from models.preparing import TrainingOptions
from models.registry import Registry
from streams.batch import offline
from streams.batch.learning import entries_of_files, entries_of_topic, sanitizer_of

site = typer.Typer(no_args_is_help=True, help="Take part in a federation; no line of the log leaves.")
FOLDER: Final = Path(".deepsentry/site")
SECRET_FILE: Final = "agent.secret"  # noqa: S105 - the name of a file
STALE_S: Final = 6 * 3600.0
"""Seconds after which a new job sees the log anew."""

log = logs.get("site")
Home = Annotated[Path, typer.Option("--home", help="Folder of the site: keys, policy, audit.")]


@site.command()
def init(
    kit_: Annotated[Path, typer.Argument(metavar="KIT", help="The start-up kit's folder.")], home: Home = FOLDER
) -> None:
    """Make this site's keys; they never leave it."""
    card = kit.init_site(kit_, home)
    out.print(f"send {card} to the aggregator; look at {home / kit.SITE} and {home / kit.POLICY} before `site serve`")


@site.command("roster")
def pin(
    file: Annotated[Path, typer.Argument(help="roster.json, by another way than the aggregator's.")],
    home: Home = FOLDER,
) -> None:
    """Pin the signing keys of the other sites, for secure aggregation."""
    fingerprint = read_roster(file).fingerprint()
    shutil.copyfile(file, home / kit.ROSTER)
    out.print(f"pinned; compare the fingerprint with the other sites: {fingerprint}")


@site.command()
def serve(home: Home = FOLDER) -> None:
    """Answer the aggregator, within policy.toml; one line of audit for each message."""
    effective, _ = settings.load()
    logs.configure(effective.log)
    file = kit.read_site(home / kit.SITE)
    policy = read_policy(home / kit.POLICY)
    if bool(file.topic) == bool(file.logs):
        message = f"{home / kit.SITE}: name what to learn from: topic, or logs"
        raise SettingsError(message)
    state = home / "state"
    state.mkdir(mode=0o700, exist_ok=True)
    secret = state / SECRET_FILE
    write(secret, secrets.token_hex(32).encode(), SECRET)
    participant = Participant(
        Data(effective, file, time.monotonic),
        policy,
        masks_of(file.name, home, policy),
        saver(effective),
        Privately.of(Ledger(state / "privacy"), Budget(policy.epsilon, policy.delta), policy.unit, _now),
    )
    node = Child("supernode", supernode(file, home, secret), environment(state / "flower"), home / "supernode.log")
    agent = Agent(
        Tasks(f"127.0.0.1:{file.port}", secret), participant, policy, Audit(home / "audit.jsonl"), Seen(state / "seen")
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: agent.stopping.set())
    log.info("site_ready", site=file.name, aggregator=file.aggregator)
    try:
        agent.run(node.check)
    finally:
        end([node])


class Data:
    """The site's sequences, read when a job first asks for them, and anew when they are old and another job asks."""

    def __init__(self, effective: Settings, file: SiteFile, clock: Callable[[], float]) -> None:
        self._effective = effective
        self._file = file
        self._clock = clock
        self._site: Site | None = None
        self._job = ""
        self._at = 0.0

    def __call__(self, job: str) -> Site:
        """Return the site as a job shall see it. Raises DeepSentryError where the log gives too little."""
        old = self._clock() - self._at > STALE_S and job != self._job
        if self._site is None or old:
            self._site = site_of(self._effective, self._file)
            self._at = self._clock()
        self._job = job
        return self._site


def site_of(effective: Settings, file: SiteFile) -> Site:
    """Return what a site learns from. Raises DeepSentryError."""
    pattern = file.key or effective.sequences.key
    if file.topic:
        entries = entries_of_topic(effective, file.topic, learn.moment(file.since, time.time()))
    else:
        entries = entries_of_files(effective, file.logs)
    keyed = offline.key(entries, pattern)
    options = TrainingOptions(
        budget=effective.models.budget, key_pattern=keyed.pattern, rules=sanitizer_of(effective).rules
    )
    sequences: Iterator[LoggedSequence] = iter(offline.sequences(keyed.entries, effective.sequences))
    found = Site(sequences, options, _quiet)
    log.info("log_read", sequences=len(found.prepared.corpus.sequences), templates=len(found.prepared.templates))
    return found


def saver(effective: Settings) -> Callable[[TrainedVersion], ModelReference]:
    """Return what puts a version into this site's own registry; the first is champion, others the operator promotes."""

    def save(version: TrainedVersion) -> ModelReference:
        reference = Registry(effective.models.registry).save(effective.models.name, version)
        log.info("version_saved", model=reference.name, version=reference.version, digest=reference.digest[:12])
        return reference

    return save


def masks_of(name: str, home: Path, policy: Policy) -> Masks | None:
    """Return this site's part in secure aggregation, None where no roster is pinned. Raises DataError."""
    if not (home / kit.ROSTER).exists():
        return None
    terms = Terms(max(policy.least_sites, 3), policy.colluders, policy.changes)
    return Masks.of(name, home / kit.SIGNING_KEY, home / kit.ROSTER, home / "state" / "masks.json", terms)


def supernode(file: SiteFile, home: Path, secret: Path) -> list[str]:
    """Return the command of Flower's SuperNode: it has the key and the CA, and no way to the log."""
    return [
        *("-m", "aggregator.node"),
        *("--superlink", file.aggregator, "--root-certificates", str(home / CA_CERT)),
        *("--auth-supernode-private-key", str(home / kit.NODE_KEY), "--isolation", "process"),
        *("--host", "127.0.0.1", "--port", str(file.port), "--superexec-auth-secret-file", str(secret)),
    ]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _quiet(stage: str, done: int, total: int) -> None:
    """Show no progress: this runs as a service."""
