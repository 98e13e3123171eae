"""Commands of the control plane: api, store, keys."""

import asyncio
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import typer

from api.auth import keys as key_files
from deepsentry import logs, settings
from deepsentry.commands.output import Json, out, print_json
from deepsentry.control import Api

api = typer.Typer(help="Serve the control plane.", invoke_without_command=True)
store = typer.Typer(no_args_is_help=True, help="Lay out the store.")
keys = typer.Typer(no_args_is_help=True, help="The keys that sign tokens and seal secrets.")


@api.callback()
def serve(context: typer.Context) -> None:
    """Serve the control plane until interrupted."""
    if context.invoked_subcommand is not None:
        return
    from api.serving import serve as run  # noqa: PLC0415 - the web framework is slow to import, and needed here only

    effective, _ = settings.load()
    logs.configure(effective.log)
    key_files.ensure(effective.api.keys, datetime.now(UTC))
    run(effective)


@api.command("openapi")
def openapi() -> None:
    """Print the schema (OpenAPI 3.1) from which clients are generated."""
    from api.app import create_app  # noqa: PLC0415 - as above

    with tempfile.TemporaryDirectory() as folder:
        key_files.ensure(Path(folder), datetime.now(UTC))
        defaults = settings.Settings(api=Api(keys=Path(folder)))
        print_json(create_app(defaults).openapi())


@store.command("migrate")
def migrate(*, as_json: Json = False) -> None:
    """Create what the store lacks: collections, validators, indexes. Again, it changes nothing."""
    effective, _ = settings.load()
    done = asyncio.run(_migrated(effective))
    if as_json:
        print_json({"applied": [{"number": number, "title": title} for number, title in done]})
    else:
        out.print("\n".join(f"{number:04d} {title}" for number, title in done) or "nothing to do")


@keys.command("create")
def create_key() -> None:
    """Make a new key that signs from now on; what older ones signed holds until it expires."""
    effective, _ = settings.load()
    out.print(f"created {key_files.create(effective.api.keys, datetime.now(UTC))}")


@keys.command("retire")
def retire_keys() -> None:
    """Remove keys of which nothing that they signed can still live."""
    effective, _ = settings.load()
    gone = key_files.retire(effective.api.keys, datetime.now(UTC), timedelta(days=effective.api.refresh_days))
    out.print("\n".join(f"removed {kid}" for kid in gone) or "nothing to do")


async def _migrated(effective: settings.Settings) -> Sequence[tuple[int, str]]:
    from prometheus_client import CollectorRegistry  # noqa: PLC0415 - as above

    from api.metrics import ApiMetrics  # noqa: PLC0415
    from api.parts import utc_now  # noqa: PLC0415
    from api.store import migrations  # noqa: PLC0415
    from api.store.driver import MongoStore  # noqa: PLC0415

    kept = MongoStore(effective.mongo, ApiMetrics(CollectorRegistry()))
    try:
        return [(step.number, step.title) for step in await migrations.migrate(kept, utc_now)]
    finally:
        await kept.close()
