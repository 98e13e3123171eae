"""Runs one stage as a process: waits for the broker, serves its health, ends with a status that tells what happened."""

import ctypes
import gc
import signal
import sys
from typing import Final, NoReturn

import faust
from prometheus_client import CollectorRegistry

from deepsentry import logs
from deepsentry.metrics import Metrics
from deepsentry.settings import Settings
from streams.app import NEEDED, Stage, create_app
from streams.monitoring.health import HealthServer, Progress
from streams.monitoring.needs import wait_for_topics

GARBAGE: Final = 20_000
"""Objects that may refer to others and were made since the collector last looked; a chunk makes some thousands."""

KEPT: Final = 64 * 1_048_576
"""Bytes at the end of the heap that stay the process's own."""
_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
"""Numbers of glibc's malloc.h."""

log = logs.get("worker")


def run(settings: Settings, stage: Stage) -> NoReturn:
    """Work until a signal or a failure ends the process; the exit status is 0 or 1. Raises DeepSentryError at start."""
    metrics = Metrics(CollectorRegistry())
    progress = Progress(facts={"stage": stage})
    health = HealthServer(settings.worker.host, settings.worker.port, progress, metrics.registry)
    health.start()
    log.info("worker_starts", stage=stage, health=f"http://{settings.worker.host}:{health.port}/health/ready")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # until the app has handlers of its own
    wait_for_topics(settings.kafka, NEEDED[stage], progress)
    app = create_app(settings, stage, metrics, progress)
    gc.collect()
    gc.freeze()  # what start-up made stays; the collector need not walk it again and again
    gc.set_threshold(GARBAGE)
    keep_freed_memory()
    worker = faust.Worker(app, quiet=True, override_logging=False, redirect_stdouts=False)
    worker.spinner = None  # it writes escape sequences to stdout
    worker.execute_from_commandline()


def keep_freed_memory() -> None:
    """Let glibc keep what a chunk gave back for the next one, not hand it to the kernel and fault it in again.

    Joined texts and unpacked batches are larger than the 128 KiB from which it maps each block anew.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries have none
    if mallopt is not None:
        mallopt(_TRIM_THRESHOLD, KEPT)
        mallopt(_MMAP_THRESHOLD, KEPT // 4)
