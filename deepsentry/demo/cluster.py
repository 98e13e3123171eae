"""An aggregator and its sites as real processes on one machine, joined as an operator would join them."""

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Self

from aggregator import authority, kit, serving
from aggregator.app import bundle
from aggregator.children import Child, end
from aggregator.driver import ENDED, reports
from aggregator.durable import write
from aggregator.home import Enrolled, Home, environment
from deepsentry import settings
from deepsentry.errors import FederationError
from deepsentry.events.work import Job, JobReport
from deepsentry.local import free_port
from deepsentry.sections import Federation

UP_WITHIN: Final = 600.0
POLL_S: Final = 0.25


class Cluster:
    """Starts everything in one folder; use it as a context."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self.folder = folder
        self._environ = environ
        self.section = Federation(home=folder / "aggregator", port=free_port(), names="127.0.0.1", kafka=False)
        self.home = Home(self.section.home)
        self.sites: dict[str, Child] = {}
        self.aggregator: Child | None = None

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        serving.prepare(self.section)
        self.start_aggregator()
        return self

    def __exit__(self, *_: object) -> None:
        end([*self.sites.values(), *([self.aggregator] if self.aggregator else [])])

    def site_folder(self, name: str) -> Path:
        """Return a site's folder."""
        return self.folder / "sites" / name

    def join(self, logs: Mapping[str, Sequence[bytes]], key: str, address: str = "", policy: str = "") -> None:
        """Let sites with these logs join, each by its kit, its own keys and its card; they start to serve."""
        for name, lines in logs.items():
            folder = self.site_folder(name)
            made = kit.make_kit(self.home, name, address or f"127.0.0.1:{self.section.port}", bundle().digest)
            card = kit.read_card(kit.init_site(made, folder))
            (folder / "site.log").write_bytes(b"\n".join(lines) + b"\n")
            self.configure(name, key, address, policy)
            control = serving.control_of(self.section, self.home)
            node = control.register(name, authority.public_key(card.node_key))
            control.close()
            self.home.enrol(name, Enrolled(node, card.node_key, card.signing_key, ""))
        for name in logs:
            roster = self.site_folder(name) / kit.ROSTER
            roster.write_bytes(self.home.roster.read_bytes())
            self.start_site(name)
        self.wait(lambda: self.online() == len(self.home.sites()), "all sites to connect", UP_WITHIN)

    def configure(self, name: str, key: str, address: str = "", policy: str = "") -> None:
        """Write what a site is told; `policy` goes behind what the kit says."""
        folder = self.site_folder(name)
        facts = {
            "name": name,
            "aggregator": address or f"127.0.0.1:{self.section.port}",
            "key": key,
        }
        text = "".join(f"{field} = '{value}'\n" for field, value in facts.items())
        text += f"logs = ['{folder / 'site.log'}']\nport = {free_port()}\n"
        write(folder / kit.SITE, text.encode())
        if policy:
            write(folder / kit.POLICY, policy.encode())

    def start_aggregator(self) -> Child:
        """Start the aggregator's process, in the place of one that was there."""
        if self.aggregator is not None:
            end([self.aggregator])
        self.aggregator = self._child("aggregator", ["aggregator", "serve"], self._aggregators())
        self.wait(lambda: self._nodes() is not None, "the SuperLink to answer", UP_WITHIN)
        return self.aggregator

    def start_site(self, name: str) -> Child:
        """Start a site's process, in the place of one that was there."""
        if name in self.sites:
            end([self.sites[name]])
        folder = self.site_folder(name)
        foreign = {k: v for k, v in self._environ.items() if not k.startswith(settings.PREFIX)}
        config = folder / "deepsentry.toml"
        config.touch()
        mine = environment(folder / "state" / "flower") | {
            **foreign,
            "PYTHONPYCACHEPREFIX": str(self.folder / "bytecode"),
            "DEEPSENTRY_CONFIG": str(config),
            "DEEPSENTRY_REDACTION__SITE_KEY": secrets.token_hex(16),
            "DEEPSENTRY_MODELS__REGISTRY": str(folder / "registry"),
            "DEEPSENTRY_MODELS__BUDGET": "100",
            "DEEPSENTRY_LOG__FORMAT": "json",
        }
        mine.pop("PYTHONDONTWRITEBYTECODE", None)
        self.sites[name] = self._child(name, ["site", "serve", "--home", str(folder)], mine)
        return self.sites[name]

    def run(self, job: Job, hear: Callable[[JobReport], None], within: float) -> JobReport:
        """Queue a job and return its last report; `hear` gets each as it comes. Raises FederationError."""
        self.home.put(job)
        return self.follow(job.id, hear, within)

    def follow(self, job: str, hear: Callable[[JobReport], None], within: float) -> JobReport:
        """Return the last report of a job."""
        shown: list[JobReport] = []

        def over() -> bool:
            told = reports(self.home.job(job))
            for report in told[len(shown) :]:
                shown.append(report)
                hear(report)
            return bool(shown) and shown[-1].state in ENDED

        self.wait(over, f"job {job} to end", within)
        return shown[-1]

    def online(self) -> int:
        """Return how many enrolled sites are connected."""
        nodes = self._nodes() or {}
        return sum(nodes.get(site.node) == "online" for site in self.home.sites().values())

    def wait(self, true: Callable[[], bool], what: str, within: float) -> None:
        """Return when it is true. Raises FederationError, with the ends of all logs, after `within` seconds."""
        limit = time.monotonic() + within
        while not true():
            if time.monotonic() > limit:
                said = "; ".join(f"{child.name}: {child.said()}" for child in self._children())
                message = f"waited {within:.0f} s in vain for {what}; {said}"
                raise FederationError(message)
            time.sleep(POLL_S)

    def _children(self) -> list[Child]:
        return [*([self.aggregator] if self.aggregator else []), *self.sites.values()]

    def _nodes(self) -> dict[int, str] | None:
        try:
            control = serving.control_of(self.section, self.home)
            try:
                return control.nodes()
            finally:
                control.close()
        except FederationError:
            return None

    def _aggregators(self) -> dict[str, str]:
        foreign = {k: v for k, v in self._environ.items() if not k.startswith(settings.PREFIX)}
        config = self.folder / "deepsentry.toml"
        config.touch()
        mine = environment(self.folder / "flower") | {
            **foreign,
            "PYTHONPYCACHEPREFIX": str(self.folder / "bytecode"),
            "FLWR_SUPEREXEC_TASK_POLL_INTERVAL": "0.5",
            "DEEPSENTRY_CONFIG": str(config),
            "DEEPSENTRY_FEDERATION__HOME": str(self.section.home),
            "DEEPSENTRY_FEDERATION__PORT": str(self.section.port),
            "DEEPSENTRY_FEDERATION__NAMES": self.section.names,
            "DEEPSENTRY_FEDERATION__KAFKA": "false",
            "DEEPSENTRY_LOG__FORMAT": "json",
        }
        mine.pop("PYTHONDONTWRITEBYTECODE", None)
        return mine

    def _child(self, name: str, command: Sequence[str], env: Mapping[str, str]) -> Child:
        return Child(name, ["-m", "deepsentry", *command], env, self.folder / f"{name}.log")
