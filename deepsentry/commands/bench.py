"""The benchmark as a command: bench."""

import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from deepsentry import settings, wire
from deepsentry.bench.plan import ORDINARY, Part, Plan
from deepsentry.commands.output import Json, err
from deepsentry.errors import DataError


def bench(
    lines: Annotated[int, typer.Option(min=20_000, help="Lines of a round.")] = 300_000,
    rounds: Annotated[int, typer.Option(min=1, max=9, help="Rounds; the figures are their medians.")] = 3,
    only: Annotated[list[Part], typer.Option(help="One part; repeatable. Default: all but memory.")] = [],  # noqa: B006 - typer's way
    rate: Annotated[
        list[int], typer.Option(min=50, max=100_000, help="Lines a second for the latency; repeatable.")
    ] = [500, 2000, 10_000],  # noqa: B006
    seconds: Annotated[float, typer.Option(min=8, help="Seconds of sending at each rate.")] = 25.0,
    minutes: Annotated[float, typer.Option(min=0, help="Minutes of the memory part, at least.")] = 5.0,
    sources: Annotated[int, typer.Option(min=1000, help="Distinct sources of the memory part.")] = 1_000_000,
    registry: Annotated[
        Path | None, typer.Option(help="Judge with this registry's champion instead of training one.")
    ] = None,
    save: Annotated[Path | None, typer.Option(help="Write the report there too, for `deepsentry capacity`.")] = None,
    profiles: Annotated[Path, typer.Option(help="Folder of the flame graphs.")] = Path(".deepsentry/profiles"),
    *,
    profile: Annotated[bool, typer.Option("--profile", help="Write a flame graph of each worker.")] = False,
    as_json: Json = False,
) -> None:
    """Measure the stream on a real Kafka beside a bare copy loop, stock Faust and the naive loop."""
    from deepsentry.bench import suite  # noqa: PLC0415 - slow to import, and no worker needs it
    from deepsentry.bench.corpus import corpus  # noqa: PLC0415
    from deepsentry.commands import figures  # noqa: PLC0415

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # ends like Ctrl-C, with everything that was started
    effective, _ = settings.load()
    plan = Plan(
        parts=tuple(only) or ORDINARY,
        lines=lines,
        rounds=rounds,
        rates=tuple(rate),
        seconds=seconds,
        minutes=minutes,
        sources=sources,
        profiles=profiles if profile else None,
        registry=registry.absolute() if registry else None,
    )
    began = time.monotonic()

    def say(text: str) -> None:
        err.print(f"{time.monotonic() - began:6.1f} s  {text}", style="dim", markup=False, soft_wrap=True)

    with tempfile.TemporaryDirectory(prefix="deepsentry-bench-") as home:
        found = suite.run(plan, corpus(effective.data), Path(home), _learn, datetime.now(UTC), say)
    if save is not None:
        _write(save, found)
    if as_json:
        sys.stdout.write(wire.encode(found).decode() + "\n")
    else:
        figures.show(found)


def _learn(records: Iterable[bytes], registry: Path) -> None:
    """Train as an operator would who has set nothing."""
    from deepsentry.bench.lines import located  # noqa: PLC0415 - as above
    from deepsentry.commands.learn import train_version  # noqa: PLC0415
    from models.registry import Registry  # noqa: PLC0415
    from streams.batch import offline  # noqa: PLC0415
    from streams.batch.learning import sanitizer_of  # noqa: PLC0415

    foreign = {name: value for name, value in os.environ.items() if not name.startswith(settings.PREFIX)}
    plain, _ = settings.load(foreign | {"DEEPSENTRY_MODELS__REGISTRY": str(registry)}, Path(os.devnull))
    cleaned = offline.sanitized(located(records, time.time()), sanitizer_of(plain))
    version = train_version(plain, (entry for done in cleaned for entry in done.clean))
    Registry(registry).save(plain.models.name, version)


def _write(path: Path, found: object) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wire.pretty(found) + "\n", encoding="utf-8")
    except OSError as error:
        message = f"{path}: {error.strerror}"
        raise DataError(message) from None
