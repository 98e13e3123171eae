"""Commands about models: list, show, promote, roll back, export, import."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from confluent_kafka import Producer

from deepsentry import kafka as broker
from deepsentry import settings, topics, wire
from deepsentry.commands.output import Json, err, facts, out, print_json, table
from deepsentry.errors import DataError
from deepsentry.events import ModelReference, Promotion
from deepsentry.settings import Settings
from models.archive import pack, unpack
from models.registry import CHAMPION, Registry

models = typer.Typer(no_args_is_help=True, help="List, look at, promote and carry versions.")


def announce(effective: Settings, reference: ModelReference, alias: str) -> bool:
    """Tell the workers that an alias moved; False where no broker took it: they look for themselves now and then."""
    promotion = Promotion(reference.name, alias, reference.version, reference.digest, datetime.now(UTC))
    producer = Producer(broker.librdkafka_config(effective.kafka) | {"message.timeout.ms": 5000})
    producer.produce(topics.MODELS.name, wire.encode(promotion), f"{reference.name}/{alias}".encode())
    return int(producer.flush(6)) == 0


@models.command("list")
def list_models(*, as_json: Json = False) -> None:
    """List every version of every model."""
    effective, _ = settings.load()
    registry = Registry(effective.models.registry)
    rows = [
        {
            "model": name,
            "version": listed.version,
            "aliases": list(listed.aliases),
            "created": listed.metadata.created_at if listed.metadata else "",
            "sequences": listed.metadata.counts.get("sequences") if listed.metadata else None,
            "digest": listed.digest[:12],
            "refused": listed.refused,
        }
        for name in registry.names()
        for listed in registry.versions(name)
    ]
    if as_json:
        print_json(rows)
    else:
        table(rows)


@models.command("show")
def show_model(
    version: Annotated[int, typer.Argument(help="Number of the version; default the champion.")] = 0,
    name: Annotated[str, typer.Option(help="Name of the model; default models.name.")] = "",
    *,
    as_json: Json = False,
) -> None:
    """Show where a version comes from and what was measured when it was made."""
    effective, _ = settings.load()
    registry, name = Registry(effective.models.registry), name or effective.models.name
    champion = registry.champion(name)
    trained, reference = registry.read(name, version or (champion.version if champion else 1))
    if as_json:
        print_json({"version": reference, "metadata": trained.metadata, "thresholds": trained.thresholds})
        return
    table(facts(trained.metadata))


@models.command("promote")
def promote(
    version: Annotated[int, typer.Argument(help="Number of the version.")],
    name: Annotated[str, typer.Option(help="Name of the model; default models.name.")] = "",
    alias: Annotated[str, typer.Option(help="The alias that is moved.")] = CHAMPION,
    *,
    as_json: Json = False,
) -> None:
    """Move an alias to a version that can be read, and tell the workers."""
    effective, _ = settings.load()
    reference = Registry(effective.models.registry).promote(name or effective.models.name, version, alias)
    _moved(effective, reference, alias, as_json=as_json)


@models.command("rollback")
def roll_back(
    name: Annotated[str, typer.Option(help="Name of the model; default models.name.")] = "",
    alias: Annotated[str, typer.Option(help="The alias that is moved back.")] = CHAMPION,
    *,
    as_json: Json = False,
) -> None:
    """Move an alias back to the version that it pointed to before, and tell the workers."""
    effective, _ = settings.load()
    reference = Registry(effective.models.registry).roll_back(name or effective.models.name, alias)
    _moved(effective, reference, alias, as_json=as_json)


@models.command("export")
def export_model(
    version: Annotated[int, typer.Argument(help="Number of the version.")],
    target: Annotated[str, typer.Argument(metavar="FILE", help="The archive; - for stdout.")],
    name: Annotated[str, typer.Option(help="Name of the model; default models.name.")] = "",
) -> None:
    """Write a version into one archive that `models import` takes elsewhere."""
    effective, _ = settings.load()
    data = pack(Registry(effective.models.registry).files(name or effective.models.name, version))
    if target == "-":
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    beside = Path(f"{target}.part")
    try:
        beside.write_bytes(data)
        beside.replace(target)
    except OSError as error:
        message = f"{target}: {error.strerror}"
        raise DataError(message) from None


@models.command("import")
def import_model(
    source: Annotated[str, typer.Argument(metavar="FILE", help="An archive that `models export` wrote; - for stdin.")],
    name: Annotated[str, typer.Option(help="Name of the model; default models.name.")] = "",
    *,
    as_json: Json = False,
) -> None:
    """Add the version in an archive, checked in every part; no alias moves."""
    effective, _ = settings.load()
    try:
        with sys.stdin.buffer if source == "-" else Path(source).open("rb") as file:
            files = unpack(file)
    except OSError as error:
        message = f"{source}: {error.strerror}"
        raise DataError(message) from None
    reference = Registry(effective.models.registry).bring(name or effective.models.name, files)
    if as_json:
        print_json({"version": reference})
        return
    out.print(f"{reference.name} {reference.version} has what is in {source}, digest {reference.digest[:12]}")


def _moved(effective: Settings, reference: ModelReference, alias: str, *, as_json: bool) -> None:
    announced = announce(effective, reference, alias)
    if as_json:
        print_json({"version": reference, "alias": alias, "announced": announced})
        return
    out.print(f"{alias} of {reference.name} is now version {reference.version}")
    if not announced:
        err.print("no broker took the announcement; workers with the same registry see it within seconds by themselves")
