"""The aggregator's folder: who may take part, where jobs and versions lie. All of it survives a restart."""

import os
import re
import secrets
import sys
from pathlib import Path
from typing import Annotated, Final

import msgspec

from aggregator.durable import write
from aggregator.secagg.roster import RosterFile
from deepsentry import wire
from deepsentry.errors import FederationError, WireError
from deepsentry.events.work import Job

NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
JOB: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
SECRET: Final = 0o600


class Enrolled(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A site that may take part."""

    node: int
    node_key: str
    """Public key by which it connects, OpenSSH format."""
    signing_key: str
    """Public key by which it signs in secure aggregation, PEM; empty: it takes no part in that."""
    enrolled_at: str


class _Sites(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """sites.json."""

    sites: Annotated[dict[str, Enrolled], msgspec.Meta(max_length=1000)] = {}


class Home:
    """Paths under one folder, and the files that are not a job's."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.jobs = root / "jobs"
        self.queue = root / "queue"
        self.versions = root / "versions"
        self.keys = root / "keys"
        self.kits = root / "kits"
        self.logs = root / "logs"
        self.roster = root / "roster.json"
        self.state = root / "state.db"
        self._sites = root / "sites.json"

    def make(self) -> None:
        """Make the folders; keys are for the owner alone."""
        for folder in (self.jobs, self.queue, self.versions, self.kits, self.logs):
            folder.mkdir(parents=True, exist_ok=True)
        self.keys.mkdir(mode=0o700, exist_ok=True)

    def job(self, name: str) -> Path:
        """Return a job's folder. Raises FederationError for what is no id."""
        if not JOB.fullmatch(name):
            message = f"{name[:40]!r} is no id of a job: letters, digits, dots, hyphens, underscores, at most 100"
            raise FederationError(message)
        return self.jobs / name

    def secret(self, name: str) -> Path:
        """Return the file of a secret, which is made the first time; only its owner can read it."""
        path = self.keys / name
        if not path.exists():
            write(path, secrets.token_hex(32).encode(), SECRET)
        return path

    def keep_secret(self, name: str, value: str) -> None:
        """Put an operator's own secret into its file."""
        write(self.keys / name, value.encode(), SECRET)

    def sites(self) -> dict[str, Enrolled]:
        """Return the enrolled sites by name. Raises FederationError."""
        try:
            return wire.decode(_Sites, self._sites.read_bytes()).sites
        except FileNotFoundError:
            return {}
        except (WireError, OSError) as error:
            message = f"{self._sites}: {error}"
            raise FederationError(message) from None

    def enrol(self, name: str, site: Enrolled) -> None:
        """Add a site, and put its signing key into the roster."""
        check_name(name)
        known = self.sites()
        if name in known:
            message = f"{name} is enrolled; revoke it before its name is given to another key"
            raise FederationError(message)
        self._write({**known, name: site})

    def revoke(self, name: str) -> Enrolled:
        """Take a site out and return what it was. Raises FederationError where there is none."""
        known = self.sites()
        site = known.pop(name, None)
        if site is None:
            message = f"{name[:63]!r} is not enrolled; there are {', '.join(sorted(known)) or 'no sites'}"
            raise FederationError(message)
        self._write(known)
        return site

    def put(self, job: Job) -> Path:
        """Queue a job for the aggregator's worker."""
        self.job(job.id)
        path = self.queue / f"{job.id}.json"
        if path.exists() or self.job(job.id).exists():
            message = f"there is a job {job.id} already"
            raise FederationError(message)
        write(path, wire.encode(job))
        return path

    def queued(self) -> list[Job]:
        """Return the jobs that wait in the queue, the oldest first."""
        found = []
        for path in self.queue.glob("*.json"):
            try:
                found.append(wire.decode(Job, path.read_bytes()))
            except (WireError, OSError):
                continue
        return sorted(found, key=lambda job: job.at)

    def taken(self, job: Job) -> None:
        """Take a job off the queue."""
        (self.queue / f"{job.id}.json").unlink(missing_ok=True)

    def _write(self, sites: dict[str, Enrolled]) -> None:
        write(self._sites, wire.pretty(_Sites(dict(sorted(sites.items())))).encode())
        keys = {name: site.signing_key for name, site in sorted(sites.items()) if site.signing_key}
        write(self.roster, wire.pretty(RosterFile(keys)).encode())


def check_name(name: str) -> None:
    """Raise FederationError for what is no name of a site."""
    if not NAME.fullmatch(name):
        message = f"{name[:63]!r} is no name of a site: small letters, digits and hyphens, at most 63"
        raise FederationError(message)


def environment(home: Path) -> dict[str, str]:
    """Return the environment of a Flower process: byte code cached, nothing told to anybody, a home of its own.

    Flower starts a process for every task; without cached byte code each takes seconds of CPU to import.
    """
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    beside = str(Path(sys.executable).parent)  # where Flower's own commands lie
    return kept | {
        "PATH": f"{beside}{os.pathsep}{kept.get('PATH', '')}",
        "FLWR_HOME": str(home),
        "FLWR_TELEMETRY_ENABLED": "0",
        "FLWR_DISABLE_UPDATE_CHECK": "1",
        "PYTHONPYCACHEPREFIX": kept.get("PYTHONPYCACHEPREFIX", str(home / "bytecode")),
    }
