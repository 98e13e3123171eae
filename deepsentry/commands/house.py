"""Commands about the house itself: up, topics, config, doctor."""

import secrets
import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from deepsentry import kafka as broker
from deepsentry import local, settings
from deepsentry.commands import examination
from deepsentry.commands.output import Json, err, out, print_json, table

topics = typer.Typer(no_args_is_help=True, help="Create and look at the Kafka topics.")
config = typer.Typer(no_args_is_help=True, help="Look at the settings.")
HOME = Path(".deepsentry")


def up(
    home: Annotated[Path, typer.Option(help="Folder that keeps data, keys and logs between runs.")] = HOME,
    port: Annotated[int, typer.Option(help="Kafka's port; 0 takes a free one.")] = 0,
) -> None:
    """Run the embedded servers in the foreground until interrupted, and print where they are."""
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    key = site_key_file(home)
    effective, _ = settings.load()
    with local.servers(home, port, local.ALL) as servers:
        ours = effective.kafka.model_copy(update={"bootstrap": servers.kafka.bootstrap})
        created = broker.create_topics(ours)
        exports = {
            **servers.exports(),
            "DEEPSENTRY_REDACTION__SITE_KEY_FILE": str(key.resolve()),
            "DEEPSENTRY_API__KEYS": str((home / "keys").resolve()),
        }
        for name, value in exports.items():
            out.print(f"export {name}={value}", soft_wrap=True)
        pids = f"Kafka {servers.kafka.pid}, store {servers.store.pid}, cache {servers.cache.pid}"
        err.print(f"These run: {pids}; {len(created)} topics created. Ctrl-C ends them.")
        stopping.wait()


def site_key_file(home: Path) -> Path:
    """Return the file with the site's redaction key in `home`, made with random content where there is none."""
    path = home / "site.key"
    home.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32) + "\n", encoding="ascii")
    return path


@topics.command("create")
def create(*, as_json: Json = False) -> None:
    """Create the topics that do not exist yet."""
    effective, _ = settings.load()
    created = broker.create_topics(effective.kafka)
    if as_json:
        print_json({"created": created})
    else:
        out.print("\n".join(f"created {name}" for name in created) or "every topic exists already")


@topics.command("show")
def show_topics(*, as_json: Json = False) -> None:
    """Show each topic: partitions, records so far, retention, and settings that differ from ours."""
    effective, _ = settings.load()
    rows = broker.describe_topics(effective.kafka)
    if as_json:
        print_json(rows)
    else:
        table(rows)


@config.command("show")
def show_config(*, as_json: Json = False) -> None:
    """Show the effective settings, secrets masked, and where each came from."""
    effective, origins = settings.load()
    rows = [
        {"setting": key, "value": value, "from": _origin(key, origins)}
        for key, value in settings.effective(effective).items()
    ]
    if as_json:
        print_json(rows)
    else:
        table(rows)


def doctor(*, as_json: Json = False) -> None:
    """Look for what would keep the stream from working, and say how to mend it."""
    effective, _ = settings.load()
    findings = examination.examine(effective)
    if as_json:
        print_json(findings)
    else:
        table([{"check": f.check, "ok": f.ok, "found": f.found, "remedy": f.remedy} for f in findings])
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def _origin(key: str, origins: settings.Origins) -> str:
    return next((origin for known, origin in origins.items() if key == known or key.startswith(known + ".")), "default")
