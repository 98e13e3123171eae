"""Commands that move log lines: worker, sanitize."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Literal, NoReturn

import typer

from deepsentry import logs, settings, wire
from deepsentry.commands import packed
from deepsentry.commands.output import Json, err, print_json, progress_bar
from deepsentry.commands.packed import Sink
from deepsentry.errors import DataError
from streams.batch import offline
from streams.batch.learning import sanitizer_of

LONGEST_WAIT: Final = 30.0
LONGEST_END: Final = 45.0
"""Seconds that a worker is given to finish its chunk; then it is killed, and its chunk comes again."""

log = logs.get("supervisor")


class Stage(StrEnum):
    """What a worker process does."""

    SANITIZE = "sanitize"
    SCORE = "score"
    ALERT = "alert"
    TRAIN = "train"
    INDEX = "index"
    ALL = "all"


def worker(stage: Annotated[Stage, typer.Argument(help="Which step to run.")]) -> None:
    """Run one step of the stream, a process for each, or what the control plane needs: `train`, `index`."""
    effective, _ = settings.load()
    logs.configure(effective.log)
    match stage:
        case Stage.ALL:
            _supervise([Stage.SANITIZE, Stage.SCORE, Stage.ALERT])
        case Stage.SANITIZE:
            _run(effective, "sanitize")
        case Stage.SCORE:
            _run(effective, "score")
        case Stage.ALERT:
            _run(effective, "alert")
        case Stage.TRAIN:
            from streams.batch.jobbing import run as take_jobs  # noqa: PLC0415 - as below

            take_jobs(effective)
        case Stage.INDEX:
            from deepsentry.commands.index import run as follow  # noqa: PLC0415 - as below

            follow(effective)


def _run(effective: settings.Settings, stage: Literal["sanitize", "score", "alert"]) -> NoReturn:
    from streams.worker import run  # noqa: PLC0415 - Faust takes a second to import, and only a worker needs it

    run(effective, stage)


def _supervise(stages: list[Stage]) -> None:
    """Keep a process for each stage; one that fails is started again, with growing pauses while it keeps failing."""
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    keepers = [threading.Thread(target=_keep, args=(stage, stopping)) for stage in stages]
    for keeper in keepers:
        keeper.start()
    for keeper in keepers:
        keeper.join()


def _keep(stage: Stage, stopping: threading.Event) -> None:
    wait = 1.0
    while not stopping.is_set():
        started = time.monotonic()
        # a free port for each: a fixed one cannot serve three
        environment = {**os.environ, "DEEPSENTRY_WORKER__PORT": "0"}
        process = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-m", "deepsentry", "worker", stage], env=environment, start_new_session=True
        )
        while process.poll() is None and not stopping.wait(0.2):
            pass
        process.terminate()
        try:
            status = process.wait(LONGEST_END)
        except subprocess.TimeoutExpired:
            process.kill()
            status = process.wait()
        if not stopping.is_set():
            wait = 1.0 if time.monotonic() - started > LONGEST_WAIT else min(2 * wait, LONGEST_WAIT)
            log.warning("worker_ended", stage=str(stage), status=status, again_in_seconds=wait)
            stopping.wait(wait)


def sanitize(
    source: Annotated[str, typer.Argument(metavar="IN", help="A log file, plain, gzip or zstd; - for stdin.")],
    target: Annotated[
        str, typer.Argument(metavar="OUT", help="A file, packed where it ends in .gz or .zst; - for stdout.")
    ],
    *,
    as_json: Json = False,
) -> None:
    """Mask secrets and personal data in a log file, line by line; the summary goes to stderr."""
    effective, _ = settings.load()
    findings: Counter[str] = Counter()
    lines = rejected = 0
    with progress_bar() as bar, _sink(target) as sink:
        task = bar.add_task("sanitizing", total=None)
        for done in offline.sanitized(offline.records(source, time.time()), sanitizer_of(effective)):
            for entry in done.clean:
                sink.write(entry.message.encode("utf-8", "backslashreplace") + b"\n")
            lines += len(done.clean)
            rejected += len(done.rejected)
            findings += done.findings
            bar.update(task, completed=lines)
    summary = {"lines": lines, "rejected": rejected, "masked": dict(findings.most_common())}
    if as_json and target != "-":
        print_json(summary)
    elif as_json:
        err.print(wire.pretty(summary), soft_wrap=True)
    else:
        err.print(f"{lines:,} lines, {rejected:,} rejected, {findings.total():,} masked")
        for kind, count in findings.most_common():
            err.print(f"  {kind:<20} {count:,}")


@contextlib.contextmanager
def _sink(target: str) -> Iterator[Sink]:
    if target == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    # beside, then in place: a reader sees the old file or the new one
    beside = Path(f"{target}.part")
    try:
        with packed.create(beside, target) as file:
            yield file
        beside.replace(target)
    except OSError as error:
        message = f"{target}: {error.strerror}"
        raise DataError(message) from None
    finally:
        beside.unlink(missing_ok=True)
