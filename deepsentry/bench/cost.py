"""What a line costs a process, as the operating system counts it, between the first record and the last."""

import time
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import psutil

from deepsentry.bench.bed import STALLED
from deepsentry.demo.processes import Worker
from deepsentry.errors import LocalServerError

LOOK_EVERY: Final = 0.25
"""Seconds; the worker answers each look, which costs it some milliseconds."""
_MIB: Final = 1_048_576


class Cost(msgspec.Struct, frozen=True):
    """Processor time (user and system) over `lines`; memory is the most that was seen resident."""

    cpu_us_per_line: float
    lines_per_s: float
    """Lines a second of processor time: what one core does that has nothing else to do."""
    wall_lines_per_s: float
    """Lines a second of the clock on the wall; on a shared machine it says little."""
    memory_mib: float
    lines: int
    start_cpu_s: float = 0.0
    """Processor seconds before the first record: imports, rules, the version. They are not in the other figures."""


class _Point(msgspec.Struct, frozen=True):
    at: float
    cpu: float
    lines: int


class Watch:
    """Notes how a fresh worker gets on; start-up and what it did before its first record do not count."""

    def __init__(self, worker: Worker, lines: int) -> None:
        self._worker = worker
        self._lines = lines
        self._first: _Point | None = None
        self._last: _Point | None = None
        self._memory = 0

    @property
    def begun(self) -> float:
        """Monotonic seconds at which it was first seen at work; infinite before."""
        return self._first.at if self._first else float("inf")

    @property
    def seen(self) -> int:
        """Records handled so far."""
        return self._last.lines if self._last else 0

    def look(self) -> bool:
        """Take a sample; True when every line was handled. Raises LocalServerError if the worker is gone."""
        self._worker.check()
        handled = int(self._worker.metric("deepsentry_records_total") or 0)
        if handled and self.seen < self._lines:
            self._last = _Point(time.monotonic(), self._worker.cpu_seconds(), handled)
            self._first = self._first or self._last
            self._memory = max(self._memory, psutil.Process(self._worker.pid).memory_info().rss)
        return self.seen >= self._lines

    def cost(self) -> Cost:
        """Return what was measured. Raises LocalServerError where it was all over at the first look."""
        first, last = self._first, self._last
        if first is None or last is None or last.lines <= first.lines:
            message = f"the {self._worker.stage} worker was done at the first look: too few lines to measure"
            raise LocalServerError(message)
        lines, cpu = last.lines - first.lines, last.cpu - first.cpu
        start = max(0.0, first.cpu - cpu * first.lines / lines)
        return _cost(cpu, last.at - first.at, self._memory, lines, start)


def follow(watches: Sequence[Watch]) -> float:
    """Return the seconds from the first record of any to the last of all. Raises LocalServerError where they stall."""
    before, moved = -1, time.monotonic()
    while left := sum(not watch.look() for watch in watches):
        handled = sum(watch.seen for watch in watches)
        if handled != before:
            before, moved = handled, time.monotonic()
        elif time.monotonic() - moved > STALLED:
            message = f"{left} workers stalled: {handled} records handled, then none for {STALLED:.0f} s"
            raise LocalServerError(message)
        time.sleep(LOOK_EVERY)
    return time.monotonic() - min(watch.begun for watch in watches)


def of_this_process() -> Callable[[int], Cost]:
    """Start to measure this process with all its threads; the answer takes the lines handled since and ends it."""
    cpu, at = time.process_time(), time.monotonic()

    def done(lines: int) -> Cost:
        memory = psutil.Process().memory_info().rss
        return _cost(time.process_time() - cpu, time.monotonic() - at, memory, lines, cpu)

    return done


def middle(costs: Sequence[Cost]) -> Cost:
    """Return the cost with the median processor time a line, the lower one of two."""
    return sorted(costs, key=lambda cost: cost.cpu_us_per_line)[(len(costs) - 1) // 2]


def _cost(cpu: float, seconds: float, memory: int, lines: int, start: float) -> Cost:
    return Cost(
        cpu_us_per_line=round(1e6 * cpu / lines, 2),
        lines_per_s=round(lines / max(cpu, 1e-9)),
        wall_lines_per_s=round(lines / max(seconds, 1e-9)),
        memory_mib=round(memory / _MIB, 1),
        lines=lines,
        start_cpu_s=round(start, 2),
    )
