"""The command line: `deepsentry COMMAND`, or `python -m deepsentry COMMAND`."""

# linear algebra costs twice the CPU for the same wall time, and it takes the core of the worker beside this one.
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import sys

import typer

from deepsentry import __version__
from deepsentry.commands import (
    alerts,
    bench,
    capacity,
    control,
    demo,
    evaluate,
    house,
    learn,
    look,
    models,
    published,
    redaction,
    rejected,
    stream,
    verdicts,
)
from deepsentry.errors import DeepSentryError

app = typer.Typer(
    name="deepsentry",
    help="Finds what is strange in logs on Kafka, and says why.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command()(demo.demo)
app.command()(house.up)
app.add_typer(house.topics, name="topics")
app.command()(stream.worker)
app.command()(learn.train)
app.command()(learn.recalibrate)
app.add_typer(models.models, name="models")
app.command()(look.score)
app.command()(look.explain)
app.command()(evaluate.evaluate)
app.command()(bench.bench)
app.command()(capacity.capacity)
app.command()(stream.sanitize)
app.add_typer(redaction.redaction, name="redaction")
app.add_typer(rejected.rejected, name="rejected")
app.add_typer(alerts.alerts, name="alerts")
app.command()(verdicts.verdict)
app.add_typer(verdicts.verdicts, name="verdicts")
app.add_typer(control.api, name="api")
app.add_typer(control.store, name="store")
app.add_typer(control.keys, name="keys")
app.add_typer(published.events, name="events")
app.add_typer(house.config, name="config")
app.command()(house.doctor)


@app.command()
def version() -> None:
    """Print the version."""
    sys.stdout.write(f"{__version__}\n")


def main() -> None:
    """Run the command line; an error that DeepSentry can name is one line on stderr and exit status 1."""
    try:
        app()
    except DeepSentryError as error:
        sys.stderr.write(f"deepsentry: {error}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
