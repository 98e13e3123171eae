"""The command of the aggregator's machine: aggregator serve."""

import signal
from typing import Annotated

import typer
from prometheus_client import CollectorRegistry, start_http_server

from aggregator import serving
from aggregator.children import end
from aggregator.jobs import Topics
from deepsentry import logs, settings
from deepsentry.metrics import FederationMetrics

aggregator = typer.Typer(no_args_is_help=True, help="Train one model over many sites.")


@aggregator.callback()
def _group() -> None:
    """Keep `serve` a command of its own."""


@aggregator.command()
def serve(
    *,
    kafka: Annotated[bool | None, typer.Option(help="Take jobs from the broker too; default federation.kafka.")] = None,
) -> None:
    """Serve the sites: the SuperLink with token and TLS, its executor, and the worker that drives jobs."""
    effective, _ = settings.load()
    logs.configure(effective.log)
    section = effective.federation
    home = serving.prepare(section)
    metrics = FederationMetrics(CollectorRegistry())
    if effective.worker.port:
        start_http_server(effective.worker.port, effective.worker.host, metrics.registry)
    source = Topics(effective.kafka) if (section.kafka if kafka is None else kafka) else serving.Alone()
    children = serving.start(section, home)
    control = serving.control_of(section, home)
    loop = serving.Serving(home, control, children, source, metrics)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: loop.stopping.set())
    try:
        loop.run()
    finally:
        end(children)
        control.close()
