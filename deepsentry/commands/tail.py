"""Follow alerts on the terminal, or into a pipe: alerts tail."""

import os
import shlex
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Annotated, Final, Literal, get_args

import typer
from rich.console import Console

from deepsentry import kafka as broker
from deepsentry import settings, topics, wire
from deepsentry.commands.told import Filter, MatchOption, SeverityOption, SinceOption, records, since_of
from deepsentry.errors import DataError
from deepsentry.events import Alert
from deepsentry.kafka import Stored
from deepsentry.sections import Kafka
from streams.alerts import render
from streams.alerts.notice import Notice
from streams.alerts.policy import Policy
from streams.alerts.state import Alerts, follow
from streams.formats import ecs, ocsf
from streams.transport.cloudevents import structured

Format = Literal["text", "json", "ecs", "ocsf", "cloudevents"]
FORMATS: Final = get_args(Format)
MEMORY: Final = 10_000
"""Open alerts of which it is known what was said; nothing is lost beyond that, only more is shown."""
LOOKED: Final = 20_000
"""Records that are looked at where no time is given, the newest of each partition."""
INTERRUPTED: Final = 130
PIPE_CLOSED: Final = 141


class Sheet(Console):
    """A console that says where nobody reads it any more."""

    def on_broken_pipe(self) -> None:
        """Raise it; rich itself would end the process."""
        raise BrokenPipeError


Shown = tuple[Stored, Notice, str]
"""A record, its alert, and the word for what happened."""


def tail(
    number: Annotated[int, typer.Option("-n", "--lines", min=0, help="How many are shown of what is there.")] = 10,
    since: SinceOption = "",
    severity: SeverityOption = "",
    match: MatchOption = None,
    kind: Annotated[
        str, typer.Option("--format", help=f"One of {', '.join(FORMATS)}; all but text are JSON lines.")
    ] = "text",
    *,
    following: Annotated[bool, typer.Option("-f", "--follow", help="Wait for what comes, until Ctrl-C.")] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Whole alerts instead of lines.")] = False,
    everything: Annotated[
        bool,
        typer.Option("--all", help="Every record, also growth and silenced alerts, not only what people are told."),
    ] = False,
    pager: Annotated[bool, typer.Option(help="Page on a terminal as git does ($PAGER, else less).")] = True,
) -> None:
    """Print the newest alerts as people are told of them: opened, escalated, repeated, resolved."""
    if kind not in FORMATS:
        message = f"--format: {kind!r} is none of {', '.join(FORMATS)}"
        raise DataError(message)
    effective, _ = settings.load()
    wanted = Filter(severity, match)
    begin = since_of(since)
    most = None if since else number
    try:
        with _sheet(paged=pager and not following and kind == "text") as console:
            write = _writer(console, kind, verbose=verbose)
            for shown in _chosen(effective.kafka, begin, wanted, most, following=following, everything=everything):
                write(shown)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:  # whoever read has what it wanted; nothing more can be said
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(PIPE_CLOSED) from None


def _chosen(
    kafka: Kafka, begin: float | None, wanted: Filter, most: int | None, *, following: bool, everything: bool
) -> Iterator[Shown]:
    """Yield what is to be shown, the newest `most` of what is there (None: all of it), then what comes."""
    state = Alerts(Policy(max_open=MEMORY))

    def told(found: Iterable[tuple[Stored, Alert]]) -> Iterator[Shown]:
        nonlocal state
        for record, alert in found:
            state, occasion = follow(state, alert)
            if wanted.takes(alert) and (occasion or everything):
                yield record, Notice(alert, occasion or "repeated"), occasion or _change(alert)

    ends = broker.end_offsets(kafka, topics.ALERTS.name)
    near = {partition: max(0, end - LOOKED) for partition, end in ends.items()}

    def there() -> Iterator[tuple[Stored, Alert]]:
        for record, alert in records(kafka, since=begin, begin=near if begin is None else None):
            ends[record.partition] = record.offset + 1
            yield record, alert

    yield from deque(told(there()), maxlen=most)
    if following:
        yield from told(records(kafka, begin=ends, follow=True))


def _change(alert: Alert) -> str:
    return "grew" if alert.status == "firing" else alert.status


def _writer(console: Console, kind: str, *, verbose: bool) -> Callable[[Shown], None]:
    def text(shown: Shown) -> None:
        _, notice, occasion = shown
        if verbose:
            console.print(render.state(notice.alert))
        else:
            console.print(render.line(notice, occasion), soft_wrap=True)
        console.file.flush()

    def line(shown: Shown) -> None:
        sys.stdout.write(wire.encode(_rendered(kind, shown)).decode() + "\n")
        sys.stdout.flush()

    return text if kind == "text" else line


def _rendered(kind: str, shown: Shown) -> object:
    record, notice, _ = shown
    match kind:
        case "ecs":
            return ecs.document(notice.alert)
        case "ocsf":
            return ocsf.finding(notice.alert)
        case "cloudevents":
            return structured(record.headers, record.value)
        case _:
            return notice.alert


@contextmanager
def _sheet(*, paged: bool) -> Iterator[Console]:
    """Give a console; on a terminal what is longer than it goes through a pager that ends by itself where it fits."""
    command = shlex.split(os.environ.get("PAGER", "less"))
    if not (paged and sys.stdout.isatty() and command):
        yield Sheet(highlight=False)
        return
    screen = Sheet(highlight=False)
    environment = {"LESS": "FRX", **os.environ}
    try:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True, env=environment)  # noqa: S603 - no shell
    except OSError:  # there is no such pager
        yield screen
        return
    assert process.stdin is not None  # noqa: S101 - asked for
    sheet = process.stdin
    try:
        yield Sheet(
            file=sheet,
            highlight=False,
            width=screen.width,
            force_terminal=True,
        )
    except BrokenPipeError:
        pass  # it was left before its end
    finally:
        with suppress(BrokenPipeError):
            sheet.close()
        _wait(process)


def _wait(process: subprocess.Popen[str]) -> None:
    """Wait for the pager; Ctrl-C is for it, not for us."""
    while process.poll() is None:
        with suppress(KeyboardInterrupt):
            process.wait()
