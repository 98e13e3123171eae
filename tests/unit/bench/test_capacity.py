from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from deepsentry import wire
from deepsentry.__main__ import app
from deepsentry.bench.capacity import PARTITIONS, capacity
from deepsentry.bench.report import Machine, Report, Step, read, reference
from deepsentry.bench.soak import Soak
from deepsentry.bench.throughput import Bytes
from deepsentry.errors import DataError

MIB = 2**20


def step(us: float, memory: float = 100.0) -> Step:
    return Step(us, 1e6 / us, 0.5, None, [us], memory, 1.0, 1.0)


def report(**changes: Any) -> Report:
    soak = Soak(1, 1, 1.0, 1.0, 1.0, 0.0, 1.0, 1024.0, [])
    found = Report(
        version="1",
        date="2026-01-01",
        machine=Machine("cpu", 2, 8.0, "Linux", "3.11", 0.1),
        source="lines",
        bytes_per_line=Bytes(raw_sent=400.0, raw_stored=100.0, clean_stored=50.0),
        together={"sanitize": step(10.0), "score": step(5.0)},
        soak=soak,
    )
    return msgspec.structs.replace(found, **changes)


def test_workers_are_busy_half_of_a_core_at_most() -> None:
    need = capacity(report(), report(), 100_000, 0, 1)
    assert (need.sanitize.cores, need.sanitize.workers) == (1.0, 2)
    assert (need.score.cores, need.score.workers) == (0.5, 1)


def test_a_trickle_needs_one_worker_of_each() -> None:
    need = capacity(report(), report(), 1, 0, 1)
    assert (need.sanitize.workers, need.score.workers, need.partitions) == (1, 1, PARTITIONS)


def test_there_are_two_partitions_for_each_worker_at_least() -> None:
    need = capacity(report(), report(), 1_000_000, 0, 1)
    assert need.sanitize.workers == 20
    assert need.partitions == 48


def test_open_sequences_are_shared_by_the_score_workers() -> None:
    need = capacity(report(), report(), 200_000, 2 * MIB, 1)
    assert need.score.workers == 2
    assert need.score.memory_mib_each == 100 + 1024
    assert need.sanitize.memory_mib_each == 100


def test_disk_counts_replicas_and_the_days_that_each_topic_is_kept() -> None:
    need = capacity(report(), report(), 2**30 / 86_400 / 100, 0, 3)  # 1 GiB raw a day
    assert need.raw_gib_per_day == 3.0
    assert need.clean_gib_per_day == 1.5
    assert need.disk_gib == 3.0 + 7 * 1.5


def test_memory_of_the_reference_stands_in_where_a_report_has_none() -> None:
    assert capacity(report(soak=None), report(), 1000, 1024, 1).score.memory_mib_each == 101


def test_a_report_without_throughput_is_refused_with_the_remedy() -> None:
    with pytest.raises(DataError, match="--save"):
        capacity(report(together={}), report(), 1000, 0, 1)


def test_a_saved_report_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(wire.pretty(report()))
    assert read(path) == report()


def test_a_file_that_is_no_report_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("[]")
    with pytest.raises(DataError, match=r"report\.json.*--save"):
        read(path)


def test_the_reference_that_comes_along_answers() -> None:
    assert capacity(reference(), reference(), 10_000, 1000, 1).partitions % PARTITIONS == 0


def test_the_command_answers_in_json_that_names_the_measurement(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(wire.pretty(report()))
    done = CliRunner().invoke(
        app,
        [
            "capacity",
            "--lines-per-second",
            "100000",
            "--measured",
            str(path),
            "--sources",
            "5",
            "--open",
            "7",
            "--json",
        ],
    )
    answer: Any = wire.from_json(done.stdout)
    assert (answer["sanitize"]["workers"], answer["open_sequences"]) == (2, 12)
    assert "2026-01-01" in answer["measured"]
