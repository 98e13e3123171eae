"""What a worker says of itself: /metrics, /health/live (does it make progress?), /health/ready (can it work now?).

Served from a thread of its own, so that an answer comes while the event loop is busy.
"""

import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from deepsentry import wire
from deepsentry.events import ModelReference
from deepsentry.settings import Settings

STATUS_EVERY: Final = 5.0
"""Seconds between two words of a worker on itself; whoever is silent for a minute is gone."""
HEARTBEAT_WITHIN: Final = 10.0
PROGRESS_WITHIN: Final = 300.0
"""Seconds in which the committed offset must have moved while there is lag."""


def worker_id(settings: Settings, stage: str) -> str:
    """Return what this process is called: no two at once have the same name."""
    return f"{settings.kafka.instance_id or socket.gethostname()}/{os.getpid()}/{stage}"


@dataclass(slots=True)
class Progress:
    """Facts that the event loop notes and the health thread reads; times are monotonic seconds."""

    clock: Callable[[], float] = time.monotonic
    heartbeat: float = 0.0
    moved: float = 0.0
    """When an offset was last acknowledged, or there was nothing to do."""
    assigned: int | None = None
    """Partitions of this worker, None before the group gave any."""
    lag: int = 0
    waiting: str = ""
    """Why the worker waits, such as `no broker answers at ...`; empty when it works."""
    held: tuple[str, ...] = ()
    """Why partitions are read no further, one sentence for each."""
    records: int = 0
    """Records handled so far."""
    versions: Callable[[], tuple[ModelReference | None, ModelReference | None]] = lambda: (None, None)
    """Gives the version that judges, and the challenger."""
    facts: dict[str, str] = field(default_factory=dict)
    """For people: stage, model version, ..."""

    def beat(self, lag: int) -> None:
        """Note that the event loop is alive, and what lies before it."""
        self.heartbeat = self.clock()
        self.lag = lag
        if not lag:
            self.moved = self.heartbeat

    def live(self) -> list[str]:
        """Return why the process should be restarted, nothing if it should not."""
        now = self.clock()
        reasons = []
        if now - self.heartbeat > HEARTBEAT_WITHIN:
            reasons.append(f"the event loop did not answer for {now - self.heartbeat:.0f} s")
        if self.lag and not self.waiting and now - self.moved > PROGRESS_WITHIN:
            reasons.append(f"no progress for {now - self.moved:.0f} s with {self.lag} records to do")
        return reasons

    def ready(self) -> list[str]:
        """Return why the process cannot work now, nothing if it can."""
        reasons = self.live()
        if self.assigned is None:
            reasons.append("no assignment from the consumer group yet")
        if self.waiting:
            reasons.append(self.waiting)
        return [*reasons, *self.held]


class HealthServer:
    """Serves one worker's health; `port` 0 takes a free one."""

    def __init__(self, host: str, port: int, progress: Progress, registry: CollectorRegistry) -> None:
        self._server = ThreadingHTTPServer((host, port), _handler(progress, registry))
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)

    @property
    def port(self) -> int:
        """The port in use."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Serve until `stop`."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


def _handler(progress: Progress, registry: CollectorRegistry) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            match self.path:
                case "/metrics":
                    self._answer(HTTPStatus.OK, generate_latest(registry), CONTENT_TYPE_LATEST)
                case "/health/live":
                    self._state(progress.live())
                case "/health/ready":
                    self._state(progress.ready())
                case _:
                    self._answer(HTTPStatus.NOT_FOUND, b"", "text/plain")

        def _state(self, reasons: list[str]) -> None:
            status = HTTPStatus.SERVICE_UNAVAILABLE if reasons else HTTPStatus.OK
            body = {"ok": not reasons, "reasons": reasons, "lag": progress.lag, **progress.facts}
            self._answer(status, wire.encode(body), "application/json")

        def _answer(self, status: HTTPStatus, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep probes out of the log."""

    return Handler
