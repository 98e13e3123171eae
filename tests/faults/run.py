"""One run of the stream over the same lines at the same places, in parts, with whatever happens between them."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from deepsentry.demo.shop import Shop, ShopLine
from deepsentry.local import LocalKafka
from tests.faults.outcome import Outcome, Place, audit, outcome
from tests.faults.proxy import Proxy
from tests.integration.stream import PARTITIONS, Stream, eventually, shop_records
from tests.integration.workers import Worker

IDLE = 30.0
"""Seconds: longer than its group misses a member and the next one that is killed, as in the defaults."""
BEGIN = 1_795_000_000.0
PATIENCE = 180.0


@dataclass(frozen=True)
class Site:
    """A broker, with a second listener behind a proxy, and a registry with a version that knows the shop."""

    kafka: LocalKafka
    proxy: Proxy
    registry: Path

    @property
    def network(self) -> dict[str, str]:
        """Environment of a worker that reaches the broker through the proxy only."""
        return {"DEEPSENTRY_KAFKA__BOOTSTRAP": f"127.0.0.1:{self.proxy.port}"}


def shop_lines(requests: int = 500) -> list[ShopLine]:
    lines, _ = Shop(7).faults(BEGIN, requests, each=2)
    return lines


def placed(records: Iterable[bytes]) -> list[tuple[bytes, int]]:
    """Deal the records to the partitions in turn: the lines of a session lie in several."""
    return [(record, number % PARTITIONS) for number, record in enumerate(records)]


@dataclass(frozen=True)
class Difference:
    """What a disturbance did to the result."""

    lost: int
    missing: frozenset[str]
    extra: frozenset[str]
    seconds: float
    """From the end of the disturbance until everything was handled."""

    @property
    def nothing(self) -> bool:
        return not (self.lost or self.missing or self.extra)


@dataclass
class Run:
    """Takes the lines in parts; ends when all that was published is handled and every sequence is over."""

    stream: Stream
    lines: list[ShopLine]
    apart: frozenset[Place] = frozenset()
    """Lines whose sequences are not compared: the disturbance lies in them."""
    _records: list[tuple[bytes, int]] = field(init=False)
    _published: int = 0

    def __post_init__(self) -> None:
        self._records = placed(shop_records(self.lines))

    def work(self, *stages: str, **environment: str) -> list[Worker]:
        """Start a worker for each stage and return when all are ready."""
        workers = [self.stream.work(stage, **environment) for stage in stages]
        eventually(lambda: all(ready(worker) for worker in workers), PATIENCE)
        return workers

    def publish(self, part: float = 1.0) -> int:
        """Publish the next `part` of all lines, or what is left; return how many are published now."""
        end = min(len(self._records), self._published + round(part * len(self._records)))
        self.stream.publish_at(self._records[self._published : end])
        self._published = end
        return end

    def publish_slowly(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        """Publish what is left in about so many seconds, or until told otherwise."""
        left = len(self._records) - self._published
        begins = time.monotonic()
        while self._published < len(self._records) and not until():
            due = left * min(1.0, (time.monotonic() - begins) / seconds)
            behind = due - (left - (len(self._records) - self._published))
            self.publish(max(behind, 1) / len(self._records))
            time.sleep(0.1)

    def end(self, expected: Outcome) -> Difference:
        """Publish the rest and what ends every sequence; return how the result differs from `expected`."""
        begins = time.monotonic()
        self.publish()
        eventually(self.stream.sanitized, PATIENCE)
        eventually(self.stream.scored, PATIENCE)
        seconds = time.monotonic() - begins
        audit(self.stream, expected)
        found = self.outcome()
        wanted, told = self._compared(expected), self._compared(found)
        return Difference(
            lost=len(self.places() - found.handled), missing=wanted - told, extra=told - wanted, seconds=seconds
        )

    def outcome(self) -> Outcome:
        """Return what the run made of its lines, without those that only ended the sequences."""
        self.stream.closed_by_time(self.lines[-1].timestamp, PATIENCE)
        found = outcome(self.stream)
        ours = self.places()
        told = {each: places for each, places in found.anomalies.items() if places & ours}
        return Outcome(found.handled, told, found.clean)

    def _compared(self, found: Outcome) -> frozenset[str]:
        return frozenset(each for each, places in found.anomalies.items() if not places & self.apart)

    def places(self) -> frozenset[Place]:
        """Return where the lines stand."""
        sizes = [sum(partition == p for _, partition in self._records) for p in range(PARTITIONS)]
        return frozenset((p, offset) for p, size in enumerate(sizes) for offset in range(size))


def ready(worker: Worker) -> bool:
    """Tell whether the worker says that it can work; one that ended by itself fails the test."""
    assert worker.lives, f"it ended with status {worker.process.returncode}"
    return worker.ready().status == 200
