"""What a benchmark found, as one JSON object; `deepsentry capacity` reads it again."""

import os
import platform
from collections.abc import Mapping
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Final

import msgspec
import psutil

from deepsentry import __version__, wire
from deepsentry.bench.cost import Cost
from deepsentry.bench.latency import Latency
from deepsentry.bench.soak import Soak
from deepsentry.bench.throughput import Bytes, Throughput
from deepsentry.errors import DataError, WireError

REFERENCE: Final = "reference.json"
"""The measurement that comes with the package."""
LARGEST: Final = 1_048_576


class Machine(msgspec.Struct, frozen=True):
    """Where it was measured; `load` is how many processes wanted a processor, mean of the last minute of the run."""

    processor: str
    cores: int
    memory_gib: float
    system: str
    python: str
    load: float


class Step(msgspec.Struct, frozen=True):
    """A worker by itself, or the pipeline: sanitize and score at the same time, their processor time added."""

    cpu_us_per_line: float
    lines_per_s: float
    """Lines a second of processor time: what one core does, all Kafka traffic included."""
    ratio_to_copy: float
    """Processor time of the bare copy loop of one hop by that of the step."""
    speedup_over_naive: float | None
    rounds_us: list[float]
    """Every round's `cpu_us_per_line`; the figure is their median."""
    memory_mib: float
    wall_lines_per_s: float
    start_cpu_s: float


class Report(msgspec.Struct, frozen=True):
    """Parts that were not asked for are null. A line is a raw record."""

    version: str
    date: str
    machine: Machine
    source: str
    lines: int = 0
    anomalies: int | None = None
    copy: Cost | None = None
    naive: Cost | None = None
    stock_faust: Cost | None = None
    bytes_per_line: Bytes | None = None
    together: dict[str, Step] = {}
    """Each worker while the other one is at work."""
    soak: Soak | None = None
    latency_one_partition: dict[str, Latency] = {}
    pipeline: Step | None = None
    sanitize: Step | None = None
    score: Step | None = None
    latency: dict[str, Latency] = {}
    memory_mib: float | None = None
    """Both workers, the most that was resident."""


def machine() -> Machine:
    """Return the machine under us."""
    return Machine(
        processor=_processor(),
        cores=os.cpu_count() or 1,
        memory_gib=round(psutil.virtual_memory().total / 2**30, 1),
        system=platform.system(),
        python=platform.python_version(),
        load=round(os.getloadavg()[0], 1),
    )


def compose(
    source: str,
    now: datetime,
    throughput: Throughput | None,
    samples: Mapping[str, Cost],
    latency: tuple[dict[str, Latency], dict[str, Latency]],
    soak: Soak | None,
) -> Report:
    """Put the parts together; `samples` holds naive and stock, `latency` that over all partitions and over one."""
    naive = samples.get("naive")
    report = Report(
        version=__version__,
        date=now.date().isoformat(),
        machine=machine(),
        source=source,
        naive=naive,
        stock_faust=samples.get("stock"),
        soak=soak,
        latency=latency[0],
        latency_one_partition=latency[1],
    )
    if throughput is None:
        return report
    copy = throughput.median(lambda each: each.copy)
    share = throughput.clean / throughput.lines  # the score worker sees what was not rejected

    def step(costs: list[Cost], *, us: list[float], wall: float) -> Step:
        middle = sorted(us)[(len(us) - 1) // 2]
        return Step(
            cpu_us_per_line=round(middle, 2),
            lines_per_s=round(1e6 / middle),
            ratio_to_copy=round(copy.cpu_us_per_line / middle, 3),
            speedup_over_naive=round(naive.cpu_us_per_line / middle) if naive else None,
            rounds_us=[round(each, 2) for each in us],
            memory_mib=max(cost.memory_mib for cost in costs),
            wall_lines_per_s=round(wall),
            start_cpu_s=max(cost.start_cpu_s for cost in costs),
        )

    def one(costs: list[Cost]) -> Step:
        wall = max(cost.wall_lines_per_s for cost in costs)
        return step(costs, us=[cost.cpu_us_per_line for cost in costs], wall=wall)

    rounds = throughput.rounds
    both = [each.both for each in rounds]
    whole = [a.cpu_us_per_line + share * b.cpu_us_per_line for a, b in both]
    together = {"sanitize": one([a for a, _ in both]), "score": one([b for _, b in both])}
    memory = max(a.memory_mib + b.memory_mib for a, b in both)
    pace = max(throughput.lines / each.seconds for each in rounds)
    return msgspec.structs.replace(
        report,
        lines=throughput.lines,
        anomalies=throughput.anomalies,
        copy=copy,
        bytes_per_line=throughput.bytes,
        together=together,
        pipeline=msgspec.structs.replace(
            step([c for pair in both for c in pair], us=whole, wall=pace), memory_mib=memory
        ),
        sanitize=one([each.sanitize for each in rounds]),
        score=one([each.score for each in rounds]),
        memory_mib=round(memory, 1),
    )


def reference() -> Report:
    """Return the measurement that comes with the package."""
    return wire.decode(Report, resources.files("deepsentry.bench").joinpath(REFERENCE).read_bytes())


def read(path: Path) -> Report:
    """Return the report in a file. Raises DataError, which names the file and the remedy."""
    try:
        with path.open("rb") as file:
            return wire.decode(Report, file.read(LARGEST))
    except (OSError, WireError) as error:
        message = f"{path}: {error}; write one with `deepsentry bench --save {path}`"
        raise DataError(message) from None


def _processor() -> str:
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as file:
            return next((line.partition(":")[2].strip() for line in file if line.startswith("model name")), "")
    except OSError:
        return platform.processor()
