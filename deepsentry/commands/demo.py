"""The command that shows everything at once: demo."""

import logging
import os
import signal
import tempfile
import time
from pathlib import Path
from typing import Annotated, Final

import typer

from deepsentry import topics
from deepsentry.commands import learn
from deepsentry.commands.output import Json, err, out, print_json, table
from deepsentry.demo import scoreboard
from deepsentry.demo.following import Told
from deepsentry.demo.run import run
from deepsentry.demo.scoreboard import Sighting
from deepsentry.demo.traffic import log_traffic, shop_traffic
from deepsentry.events import ModelReference
from deepsentry.sections import Sequences
from deepsentry.settings import Settings
from streams.alerts import render
from streams.alerts.notice import Notice
from streams.alerts.visible import visible

SHOP_IDLE: Final = 10.0
"""No request of the shop is silent for so long."""
PANELS: Final = 10
"""Anomalies that are shown in full; further ones get a line each."""


def demo(
    seed: Annotated[int, typer.Option(min=0, help="Another seed is another shop, and other faults.")] = 0,
    log: Annotated[str, typer.Option("--log", metavar="FILE", help="Your own log: its first half trains.")] = "",
    requests: Annotated[int, typer.Option(min=500, help="Sound requests that the first version learns from.")] = 6000,
    judged: Annotated[int, typer.Option(min=100, help="Requests that are judged, five faulty ones among them.")] = 2000,
    *,
    as_json: Json = False,
) -> None:
    """Run a real Kafka, a web shop and the whole stream; train on its traffic, break five things and find them."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # also where a script started it with SIGINT ignored
        signal.signal(number, signal.default_int_handler)  # ends like Ctrl-C, with everything that was started
    # the broker comes and goes with the demo: what the client library says of that is no news
    logging.getLogger("librdkafka").setLevel(logging.CRITICAL)
    traffic = log_traffic(log) if log else shop_traffic(seed, requests, judged)
    idle = Sequences().idle if log else SHOP_IDLE
    with tempfile.TemporaryDirectory(prefix="deepsentry-demo-") as home:
        voice = _Voice(quiet=as_json, injected=bool(traffic.faults))
        report = run(traffic, Path(home), os.environ, idle, lambda settings: _train(settings, seed), voice)
    if as_json:
        print_json(report)
        return
    out.print()
    if report.faults:
        table([_fault(row) for row in report.faults])
    table([{"measured": label, "value": value} for label, value in scoreboard.table(report)])
    out.print("\nWhat to try next:")
    for command, purpose in suggestions(seed, log):
        out.print(f"  {command:<44} {purpose}", markup=False, soft_wrap=True)


def suggestions(seed: int, log: str) -> list[tuple[str, str]]:
    """Return commands that work as they stand, and what each is for."""
    return [
        (f"deepsentry demo --seed {seed + 1}", "another shop, other faults"),
        ("deepsentry demo --log /var/log/syslog", "the same on a log of your own"),
        (f"deepsentry score {log or '/var/log/syslog'}", "what is odd in a file, most odd first, no Kafka needed"),
        ("deepsentry sanitize /var/log/syslog -", "the same lines with secrets and personal data masked"),
        ("deepsentry up", "Kafka and its topics, for shippers of your own"),
    ]


class _Voice:
    """Phases go to stderr; alerts to stdout, unless a program reads it."""

    def __init__(self, *, quiet: bool, injected: bool) -> None:
        self._quiet = quiet
        self._injected = injected
        self._began = time.monotonic()
        self._shown = 0

    def phase(self, text: str) -> None:
        """Say what happens now."""
        err.print(f"{time.monotonic() - self._began:6.1f} s  {text}", style="dim", markup=False, soft_wrap=True)

    def sighting(self, told: Told, sighting: Sighting) -> None:
        """Show an anomaly with its alert, and the fault that it found."""
        if self._quiet:
            return
        self._shown += 1
        anomaly = told.anomaly
        if self._shown > PANELS:
            line = f"{anomaly.severity}: {anomaly.explanation.summary} ({anomaly.sequence}, {anomaly.id})"
            out.print(visible(line), markup=False, soft_wrap=True)
        elif told.alert.count == 1:
            out.print(render.alert(Notice(told.alert, "opened")))
        else:
            out.print(render.anomaly(anomaly))
            out.print(f"  the alert {told.alert.id} counts {told.alert.count} of its kind now")
        if self._injected:
            out.print(f"  {sighting.truth}", style="bold", markup=False, soft_wrap=True)


def _train(settings: Settings, seed: int) -> ModelReference:
    return learn.train_from_topic(settings, topics.CLEAN.name, seed=seed)


def _fault(row: scoreboard.FaultRow) -> dict[str, object]:
    return {
        "injected": f"{row.fault} in {row.journey}",
        "found": row.found,
        "by": f"{row.view} ({row.score} x threshold)" if row.found else None,
        "delay": f"{row.delay_lines} lines, {row.judged}" if row.found else None,
    }
