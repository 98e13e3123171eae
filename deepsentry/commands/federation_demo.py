"""The command that shows a federation at once: federation demo."""

import os
import secrets
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from deepsentry import settings
from deepsentry.commands.output import Json, err, print_json, table
from deepsentry.demo import federated, slices
from deepsentry.events.work import JobReport
from deepsentry.settings import Settings
from models.prepare import LoggedSequence
from models.training import TrainingOptions, train
from streams.batch import offline
from streams.batch.learning import sanitizer_of
from streams.sanitizing.sanitize import Located
from streams.shippers import Record


def demo(
    seed: Annotated[int, typer.Option(min=0, help="Another seed is another shop.")] = 0,
    rounds: Annotated[int, typer.Option(min=1, max=50, help="Rounds of the sequence network.")] = 2,
    requests: Annotated[int, typer.Option(min=500, max=20_000, help="Sound requests of all sites.")] = 2500,
    home: Annotated[Path | None, typer.Option(help="Keep everything in this folder.")] = None,
    *,
    secure: Annotated[bool, typer.Option("--secure", help="The aggregator learns the sum of the sites alone.")] = False,
    as_json: Json = False,
) -> None:
    """Aggregator and five sites as real processes, each with its own log; what crossed the wire, what it was worth."""
    with tempfile.TemporaryDirectory(prefix="deepsentry-federation-") as temporary:
        effective, _ = settings.load({"DEEPSENTRY_REDACTION__SITE_KEY": secrets.token_hex(16)})
        parameters = {"rounds": rounds, "encoder_rounds": 1, "steps": 300, "secure": secure, "floor": 0.5}
        found = federated.run(
            home or Path(temporary),
            slices.slices(seed, requests, max(requests // 4, 200)),
            parameters,
            os.environ,
            lambda lines: _sequences(effective, lines),
            lambda sequences: train(sequences, TrainingOptions(budget=100.0, seed=seed), _quiet),
            _Teller(),
        )
    if as_json:
        print_json(found)
        return
    rows = [
        {"learned": way, "F1": s.f1, "found": s.found, "false": s.false, "missed": s.missed}
        for way, s in found.scores.items()
    ]
    table(rows, "Faulty requests among what came later, all sites together")
    table([dict(each) for each in found.rounds], "Rounds, in seconds; beside is what is not a site at work")
    table([{"site": name, **crossed} for name, crossed in found.wire.items()], "What crossed the wire, and what stayed")


class _Teller:
    """Tells on stderr."""

    def phase(self, text: str) -> None:
        """Say what happens now."""
        err.print(text, style="bold", markup=False)

    def report(self, report: JobReport) -> None:
        """Show how far the job is."""
        facts = ", ".join(f"{name} {value}" for name, value in report.facts.items())
        err.print(f"  {report.state:<13} {report.message} {f'({facts})' if facts else ''}", markup=False)


def _sequences(effective: Settings, lines: Sequence[bytes]) -> list[LoggedSequence]:
    """Return what a site's own pipeline makes of its lines."""
    now = time.time()
    located = (Located(Record(line, None, (), now, "site.log"), 0, number) for number, line in enumerate(lines))
    entries = (entry for done in offline.sanitized(located, sanitizer_of(effective)) for entry in done.clean)
    return list(offline.sequences(offline.key(entries, slices.KEY).entries, effective.sequences))


def _quiet(stage: str, done: int, total: int) -> None:
    """Show no progress."""
