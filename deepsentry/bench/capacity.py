"""Pure: how many workers and partitions, how much memory and disk a pace of lines asks for, from measured figures."""

import math
from typing import Final

import msgspec

from deepsentry import topics
from deepsentry.bench.report import Report
from deepsentry.errors import DataError

BUSY: Final = 0.5
"""Share of a core that the ordinary pace may take: the rest works off a backlog as fast as it grew."""
SPARE_PARTITIONS: Final = 2
"""Partitions for each worker: shares stay even, and twice the workers find work without new partitions."""
PARTITIONS: Final = 12
"""Partitions come in multiples of this: 2, 3, 4 and 6 workers share them evenly."""
_SECONDS: Final = 86_400
_GIB: Final = 2**30
_MIB: Final = 2**20


class Need(msgspec.Struct, frozen=True):
    """Processes of one step and what each takes."""

    workers: int
    cores: float
    """Processor time of all of them together, at the pace asked for."""
    memory_mib_each: float


class Capacity(msgspec.Struct, frozen=True):
    """What a pace asks for. Disk is for all replicas, before the broker's indexes."""

    lines_per_second: float
    open_sequences: int
    sanitize: Need
    score: Need
    partitions: int
    memory_mib: float
    raw_gib_per_day: float
    clean_gib_per_day: float
    disk_gib: float
    """What raw and clean topic hold when retention has filled them."""
    measured: str


def capacity(measured: Report, reference: Report, pace: float, open_sequences: int, replication: int) -> Capacity:
    """Return what `pace` lines a second ask for; `reference` stands in for memory that `measured` lacks.

    Raises DataError where `measured` has no throughput.
    """
    size, soak = measured.bytes_per_line, measured.soak or reference.soak
    together = measured.together
    if size is None or not {"sanitize", "score"} <= together.keys():
        message = "the report has no throughput: write one with `deepsentry bench --save FILE`"
        raise DataError(message)
    if soak is None:
        message = "no report has the memory of open sequences: `deepsentry bench --only memory --save FILE` measures it"
        raise DataError(message)
    open_mib = open_sequences * soak.bytes_per_open_sequence / _MIB
    sanitize = _need(pace, together["sanitize"].cpu_us_per_line, together["sanitize"].memory_mib, 0.0)
    score = _need(pace, together["score"].cpu_us_per_line, together["score"].memory_mib, open_mib)
    most = max(sanitize.workers, score.workers)
    raw, clean = (pace * _SECONDS * each * replication / _GIB for each in (size.raw_stored, size.clean_stored))
    kept = raw * topics.RAW.retention_ms / topics.DAY + clean * topics.CLEAN.retention_ms / topics.DAY
    return Capacity(
        lines_per_second=pace,
        open_sequences=open_sequences,
        sanitize=sanitize,
        score=score,
        partitions=PARTITIONS * math.ceil(most * SPARE_PARTITIONS / PARTITIONS),
        memory_mib=round(sum(need.workers * need.memory_mib_each for need in (sanitize, score)), 1),
        raw_gib_per_day=round(raw, 2),
        clean_gib_per_day=round(clean, 2),
        disk_gib=round(kept, 1),
        measured=f"DeepSentry {measured.version}, {measured.date}, {measured.machine.processor}; {measured.source}",
    )


def _need(pace: float, us: float, base_mib: float, open_mib: float) -> Need:
    cores = pace * us / 1e6
    workers = max(1, math.ceil(cores / BUSY))
    return Need(workers, round(cores, 2), round(base_mib + open_mib / workers, 1))
