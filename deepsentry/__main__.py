"""The command line: `deepsentry COMMAND`, or `python -m deepsentry COMMAND`."""

# linear algebra costs twice the CPU for the same wall time, and it takes the core of the worker beside this one.
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import importlib
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
    people,
    published,
    redaction,
    rejected,
    silences,
    stream,
    tail,
    told,
    verdicts,
)
from deepsentry.errors import DeepSentryError

FEDERATED = {
    "aggregator": "Train one model over many sites.",
    "federation": "Jobs over many sites, and the sites that may take part.",
    "site": "Take part in a federation; no line of the log leaves.",
}
"""Groups that are imported only when they are called: Flower takes seconds that no other command should wait."""

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
alerts.alerts.command("list")(told.list_alerts)
alerts.alerts.command()(told.show)
alerts.alerts.command()(tail.tail)
app.add_typer(alerts.alerts, name="alerts")
app.add_typer(silences.silences, name="silences")
app.command()(verdicts.verdict)
app.add_typer(verdicts.verdicts, name="verdicts")
app.add_typer(control.api, name="api")
app.add_typer(control.store, name="store")
app.add_typer(control.keys, name="keys")
app.add_typer(published.events, name="events")
for _name, _help in FEDERATED.items():
    app.add_typer(typer.Typer(help=_help), name=_name)
app.add_typer(people.users, name="users")
app.add_typer(people.audit, name="audit")
app.add_typer(house.config, name="config")
app.command()(house.doctor)


@app.command()
def version() -> None:
    """Print the version."""
    sys.stdout.write(f"{__version__}\n")


def main() -> None:
    """Run the command line; an error that DeepSentry can name is one line on stderr and exit status 1."""
    if sys.argv[1:2] and sys.argv[1] in FEDERATED:
        module = importlib.import_module(f"deepsentry.commands.{sys.argv[1]}")
        app.add_typer(getattr(module, sys.argv[1]), name=sys.argv[1])
    try:
        app()
    except DeepSentryError as error:
        sys.stderr.write(f"deepsentry: {error}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
