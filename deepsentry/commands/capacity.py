"""The capacity calculator as a command: capacity."""

from pathlib import Path
from typing import Annotated

import typer

from deepsentry import settings
from deepsentry.commands.output import Json, out, print_json, table


def capacity(
    lines_per_second: Annotated[float, typer.Option(min=0.01, max=1e9, help="Lines a second, of all sources.")],
    sources: Annotated[int, typer.Option(min=1, help="Hosts and services that write without session ids.")] = 1000,
    open_: Annotated[
        int, typer.Option("--open", min=0, help="Sessions open at once; 0: as if each line of the idle time began one.")
    ] = 0,
    measured: Annotated[
        Path | None, typer.Option(help="A report of `deepsentry bench --save`; default: the one that comes along.")
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """Say how many workers and partitions, how much memory and disk a pace of lines asks for."""
    from deepsentry.bench import report  # noqa: PLC0415 - slow to import, and no worker needs it
    from deepsentry.bench.capacity import BUSY  # noqa: PLC0415
    from deepsentry.bench.capacity import capacity as asked  # noqa: PLC0415

    effective, _ = settings.load()
    reference = report.reference()
    found = report.read(measured) if measured else reference
    sessions = open_ or round(lines_per_second * effective.sequences.idle)
    need = asked(found, reference, lines_per_second, sources + sessions, effective.kafka.replication)
    if as_json:
        print_json(need)
        return
    steps = {"sanitize": need.sanitize, "score": need.score}
    table(
        [
            {"step": name, "workers": one.workers, "cores used": one.cores, "MiB each": one.memory_mib_each}
            for name, one in steps.items()
        ]
    )
    out.print(f"partitions: {need.partitions} (kafka.partitions); workers beyond that stay idle")
    out.print(f"memory: {need.memory_mib:,} MiB in all, with {need.open_sequences:,} sequences open at once")
    out.print(
        f"disk: {need.raw_gib_per_day:,} GiB raw and {need.clean_gib_per_day:,} GiB clean a day, "
        f"{need.disk_gib:,} GiB when retention has filled, at {effective.kafka.replication} replicas"
    )
    out.print(f"a worker is planned to be busy {BUSY:.0%} of a core; measured: {need.measured}", style="dim")
