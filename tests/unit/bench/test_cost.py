import os
from pathlib import Path

import pytest

from deepsentry.bench.bed import environment_of
from deepsentry.bench.corpus import corpus
from deepsentry.bench.cost import Cost, Watch, follow, middle, of_this_process
from deepsentry.bench.suite import text
from deepsentry.errors import DataError, LocalServerError


class Working:
    """A worker as a Watch sees it: (records handled, seconds of CPU) at each look."""

    stage = "score"
    pid = os.getpid()

    def __init__(self, *looks: tuple[int, float]) -> None:
        self._looks = iter(looks)
        self._cpu = 0.0

    def check(self) -> None:
        """It never fails."""

    def metric(self, _name: str) -> float:
        handled, self._cpu = next(self._looks)
        return handled

    def cpu_seconds(self) -> float:
        return self._cpu


def watch(worker: Working, lines: int) -> Watch:
    return Watch(worker, lines)  # type: ignore[arg-type]  # what a Watch asks of a Worker


def test_what_a_worker_did_before_its_first_record_does_not_count() -> None:
    watched = watch(Working((0, 9.0), (100, 10.0), (1100, 10.5)), 1100)
    follow([watched])
    assert watched.cost().cpu_us_per_line == 500.0
    assert watched.cost().lines == 1000


def test_what_a_worker_does_after_its_last_record_does_not_count() -> None:
    fast, slow = watch(Working((10, 1.0), (20, 2.0), (20, 9.0)), 20), watch(Working((1, 1.0), (2, 1.0), (20, 3.0)), 20)
    follow([fast, slow])
    assert fast.cost().cpu_us_per_line == 1e5


def test_a_run_that_was_over_at_the_first_look_is_no_measurement() -> None:
    watched = watch(Working((20, 1.0)), 20)
    follow([watched])
    with pytest.raises(LocalServerError, match="too few lines"):
        watched.cost()


def test_the_start_of_a_worker_is_told_apart() -> None:
    watched = watch(Working((100, 3.1), (1100, 4.1)), 1100)
    follow([watched])
    assert watched.cost().start_cpu_s == 3.0


def test_the_figure_of_several_rounds_is_their_median() -> None:
    rounds = [Cost(us, 1.0, 1.0, 1.0, 1) for us in (9.0, 5.0, 7.0)]
    assert middle(rounds).cpu_us_per_line == 7.0


def test_this_process_is_measured_for_the_lines_that_it_handled() -> None:
    measured = of_this_process()
    sum(range(100_000))
    assert measured(10).lines == 10
    assert measured(10).cpu_us_per_line > 0


def test_settings_of_the_reader_do_not_reach_the_workers(tmp_path: Path) -> None:
    environment = environment_of({"DEEPSENTRY_WORKER__CHUNK": "7", "PATH": "/bin"}, tmp_path)
    assert "DEEPSENTRY_WORKER__CHUNK" not in environment
    assert environment["PATH"] == "/bin"


def test_the_naive_loop_is_given_the_line_and_not_its_envelope() -> None:
    assert text(b'{"@timestamp":"2026-01-01T00:00:00Z","message":"GET /\\n"}') == "GET / "
    assert text(b"<13>1 - web app - - - started\n") == "<13>1 - web app - - - started "


def test_a_folder_without_the_data_sets_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Loghub"):
        corpus(tmp_path)
