"""Commands about federations: jobs, start, stop, watch, sites, kit, enrol, revoke, versions."""

import secrets
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from aggregator import authority, kit, serving
from aggregator.app import bundle
from aggregator.driver import ENDED, ask_to_stop, reports
from aggregator.home import Enrolled, Home
from aggregator.plan import parse
from aggregator.secagg import read_roster, roster
from aggregator.versions import Versions
from deepsentry import settings, wire
from deepsentry.commands.federation_demo import demo
from deepsentry.commands.output import Json, err, out, print_json, table
from deepsentry.errors import FederationError
from deepsentry.events.work import Job, JobReport
from deepsentry.settings import Settings

federation = typer.Typer(no_args_is_help=True, help="Jobs over many sites, and the sites that may take part.")
LOOK_S: Final = 0.5
federation.command()(demo)


@federation.command()
def start(
    sites: Annotated[str, typer.Option(help="Names, comma-separated; default all that are enrolled.")] = "",
    rounds: Annotated[int, typer.Option(help="Rounds of the sequence network.")] = 15,
    strategy: Annotated[str, typer.Option(help="fedavg, fedprox, fedadam, fedmedian or krum.")] = "fedavg",
    every: Annotated[str, typer.Option(help="Repeat: 12h, 7d.")] = "",
    set_: Annotated[list[str], typer.Option("--set", help="Another parameter: name=value; repeatable.")] = [],  # noqa: B006 - typer's way
    *,
    secure: Annotated[bool, typer.Option("--secure", help="The aggregator learns the sum of the sites alone.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Follow it to its end.")] = False,
    as_json: Json = False,
) -> None:
    """Ask for a job; `deepsentry aggregator serve` on this machine runs it."""
    effective, home = _home()
    given: dict[str, str | int | float | bool] = {
        "sites": sites,
        "rounds": rounds,
        "strategy": strategy,
        "every": every,
        "secure": secure,
    }
    for pair in set_:
        name, equals, value = pair.partition("=")
        if not equals:
            message = f"--set {pair!r}: write name=value"
            raise FederationError(message)
        given[name] = value
    parse(given)
    now = datetime.now(UTC)
    job = Job(
        id=f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}",
        kind="federate",
        project="",
        dataset="",
        owner="operator",
        model=effective.models.name,
        at=now,
        parameters=given,
    )
    home.put(job)
    if watch:
        follow(home, job.id, as_json=as_json)
    elif as_json:
        print_json({"job": job.id})
    else:
        out.print(f"job {job.id} is queued; `deepsentry federation watch {job.id}` follows it")


@federation.command()
def stop(job: Annotated[str, typer.Argument(help="Id of the job.")]) -> None:
    """Ask for the end of a job; sites stop between two steps."""
    _, home = _home()
    ask_to_stop(home, job)
    out.print(f"job {job} will stop")


@federation.command("watch")
def watch_job(
    job: Annotated[str, typer.Argument(help="Id of the job; default the newest.")] = "", *, as_json: Json = False
) -> None:
    """Follow a job to its end."""
    _, home = _home()
    newest = max((path.name for path in home.jobs.iterdir()), default="") if home.jobs.is_dir() else ""
    follow(home, job or newest, as_json=as_json)


def follow(home: Home, job: str, *, as_json: bool) -> JobReport:
    """Print the reports of a job as they come; return the last. Raises FederationError where there is no such job."""
    shown = 0
    while True:
        if not home.job(job).exists() and not (home.queue / f"{job}.json").exists():
            message = f"there is no job {job[:40]!r}"
            raise FederationError(message)
        told = reports(home.job(job))
        for report in told[shown:]:
            if as_json:
                out.print(wire.encode(report).decode(), soft_wrap=True, markup=False)
            else:
                facts = ", ".join(f"{name} {value}" for name, value in report.facts.items())
                out.print(f"{report.at:%H:%M:%S} {report.state:<13} {report.message} {f'({facts})' if facts else ''}")
        shown = len(told)
        if told and told[-1].state in ENDED:
            return told[-1]
        time.sleep(LOOK_S)


@federation.command()
def jobs(*, as_json: Json = False) -> None:
    """List jobs, the newest first."""
    _, home = _home()
    rows: list[dict[str, object]] = [
        {"job": job.id, "state": "queued", "at": job.at.isoformat(timespec="seconds"), "message": ""}
        for job in home.queued()
    ]
    for folder in sorted(home.jobs.iterdir() if home.jobs.is_dir() else [], reverse=True):
        if told := reports(folder):
            last = told[-1]
            at = last.at.isoformat(timespec="seconds")
            rows.append({"job": folder.name, "state": last.state, "at": at, "message": last.message})
    print_json(rows) if as_json else table(rows)


@federation.command()
def sites(*, as_json: Json = False) -> None:
    """List the enrolled sites and whether they are connected."""
    effective, home = _home()
    try:
        control = serving.control_of(effective.federation, home)
        status = control.nodes()
        control.close()
    except FederationError as error:
        err.print(str(error))
        status = {}
    rows: list[dict[str, object]] = [
        {
            "site": name,
            "status": status.get(site.node, "unknown"),
            "node": str(site.node),
            "enrolled": site.enrolled_at,
            "signs": bool(site.signing_key),
        }
        for name, site in home.sites().items()
    ]
    print_json(rows) if as_json else table(rows)


@federation.command("kit")
def make(name: Annotated[str, typer.Argument(help="Name of the site.")]) -> None:
    """Write the folder that a site starts from: CA, address, policy. Its private key is made at the site."""
    effective, home = _home()
    serving.prepare(effective.federation)
    address = f"{serving.names_of(effective.federation)[0]}:{effective.federation.port}"
    folder = kit.make_kit(home, name, address, bundle().digest)
    out.print(f"{folder}\nat the site: deepsentry site init {folder.name}; then here: deepsentry federation enrol CARD")


@federation.command()
def enrol(card: Annotated[Path, typer.Argument(help="The card that `deepsentry site init` wrote.")]) -> None:
    """Let a site connect and take part."""
    effective, home = _home()
    found = kit.read_card(card)
    if found.name in home.sites():
        message = f"{found.name} is enrolled; revoke it before its name is given to another key"
        raise FederationError(message)
    if found.signing_key:
        roster({found.name: found.signing_key})
    control = serving.control_of(effective.federation, home)
    node = control.register(found.name, authority.public_key(found.node_key))
    control.close()
    now = datetime.now(UTC).isoformat(timespec="seconds")
    home.enrol(found.name, Enrolled(node, found.node_key, found.signing_key, now))
    fingerprint = read_roster(home.roster).fingerprint()
    out.print(f"{found.name} is enrolled as node {node}; roster.json has the fingerprint {fingerprint}")


@federation.command()
def revoke(name: Annotated[str, typer.Argument(help="Name of the site.")]) -> None:
    """Let a site connect no more."""
    effective, home = _home()
    site = home.sites().get(name)
    if site is not None:
        control = serving.control_of(effective.federation, home)
        control.unregister(site.node)
        control.close()
    home.revoke(name)
    out.print(f"{name} is revoked; hand the new roster.json to the other sites")


@federation.command("versions")
def list_versions(*, as_json: Json = False) -> None:
    """List the global versions: rounds, sites, privacy, gate."""
    _, home = _home()
    store = Versions(home.versions)
    found = [(name, number, store.read(name, number)[0]) for name in store.names() for number in store.numbers(name)]
    if as_json:
        print_json([{"version": number, **_plain(version)} for _, number, version in found])
        return
    table(
        [
            {
                "model": name,
                "version": number,
                "rounds": version.rounds,
                "sites": ", ".join(version.sites),
                "epsilon": "none" if version.epsilon is None else f"{version.epsilon:.2f} of {version.unit}",
                "mean AUC": version.gate.get("mean_auc"),
                "worst AUC": version.gate.get("worst_auc"),
                "digest": version.digest[:12],
            }
            for name, number, version in found
        ]
    )


def _plain(value: object) -> dict[str, object]:
    plain = wire.builtins(value)
    return plain if isinstance(plain, dict) else {}


def _home() -> tuple[Settings, Home]:
    effective, _ = settings.load()
    return effective, Home(effective.federation.home.absolute())
