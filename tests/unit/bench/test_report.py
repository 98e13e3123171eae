from datetime import UTC, datetime

from deepsentry.bench.cost import Cost
from deepsentry.bench.report import Report, compose
from deepsentry.bench.throughput import Bytes, Round, Throughput

NOW = datetime(2026, 1, 2, tzinfo=UTC)
SIZES = Bytes(1.0, 1.0, 1.0)


def cost(us: float, memory: float = 100.0) -> Cost:
    return Cost(us, 1e6 / us, 1.0, memory, 1000)


def rounds(*each: tuple[float, float, float, float, float]) -> list[Round]:
    return [Round(cost(c), cost(s), cost(j), (cost(a, 70.0), cost(b, 80.0)), 2.0) for c, s, j, a, b in each]


def composed(*each: tuple[float, float, float, float, float], clean: int = 1000, naive: float = 0.0) -> Report:
    samples = {"naive": cost(naive)} if naive else {}
    return compose("lines", NOW, Throughput(rounds(*each), 1000, clean, 3, SIZES), samples, ({}, {}), None)


def test_the_pipeline_is_both_workers_while_both_are_at_work() -> None:
    found = composed((5.0, 8.0, 4.0, 10.0, 6.0), naive=16_000.0)
    assert found.pipeline is not None
    assert (found.pipeline.cpu_us_per_line, found.pipeline.lines_per_s) == (16.0, 62_500)
    assert found.pipeline.ratio_to_copy == 0.312
    assert found.pipeline.speedup_over_naive == 1000
    assert (found.memory_mib, found.date) == (150.0, "2026-01-02")


def test_each_figure_is_the_median_of_its_rounds_and_all_are_told() -> None:
    found = composed((5.0, 9.0, 1.0, 1.0, 1.0), (4.0, 7.0, 1.0, 1.0, 1.0), (6.0, 8.0, 1.0, 1.0, 1.0))
    assert found.sanitize is not None
    assert found.copy is not None
    assert (found.sanitize.cpu_us_per_line, found.sanitize.rounds_us) == (8.0, [9.0, 7.0, 8.0])
    assert found.copy.cpu_us_per_line == 5.0


def test_lines_that_were_rejected_cost_the_score_worker_nothing() -> None:
    found = composed((5.0, 8.0, 4.0, 10.0, 6.0), clean=500)
    assert found.pipeline is not None
    assert found.pipeline.cpu_us_per_line == 13.0


def test_what_was_not_measured_is_null() -> None:
    found = compose("lines", NOW, None, {}, ({}, {}), None)
    assert found.pipeline is None
    assert found.memory_mib is None
    assert found.latency == {}
