import itertools

import pytest

from deepsentry.bench import soak
from deepsentry.bench.soak import Look, summed


def looks(*memory: float, every: int = 1_000_000, opened: int = 0) -> list[Look]:
    return [Look((n + 1) * every, 1, opened, 100.0, mib) for n, mib in enumerate(memory)]


def test_all_sources_are_open_at_once() -> None:
    told = list(itertools.islice(soak.lines(50, idle=60.0), 100))
    assert len({line.host for line in told[:50]}) == 50
    assert told[50].host == told[0].host
    assert told[50].time - told[0].time == pytest.approx(30.0)


def test_a_source_does_not_say_the_same_in_each_round() -> None:
    told = [line for line in itertools.islice(soak.lines(50, idle=60.0), 300) if line.host == "node-7"]
    assert len({line.text.split()[1] for line in told}) > 1


def test_memory_that_does_not_grow_is_flat() -> None:
    found = summed(looks(200.0, 200.0, 200.0), sources=1_000_000, minutes=1.0)
    assert found.slope_mib_per_million == pytest.approx(0.0, abs=0.01)
    assert found.extrapolated_20m_mib == 300.0


def test_memory_that_grows_is_extrapolated_along_its_slope() -> None:
    found = summed(looks(100.0, 110.0, 120.0), sources=1_000_000, minutes=1.0)
    assert found.slope_mib_per_million == pytest.approx(10.0, abs=0.01)
    assert found.extrapolated_20m_mib == pytest.approx(220.0 + 17 * 10.0, abs=0.5)


def test_growth_while_new_sources_come_is_not_in_the_slope() -> None:
    found = summed(looks(100.0, 500.0, 500.0, 500.0), sources=2_000_000, minutes=1.0)
    assert found.slope_mib_per_million == pytest.approx(0.0, abs=0.01)
    assert found.all_sources_mib == 600.0


def test_growth_until_the_limits_are_reached_is_not_in_the_slope() -> None:
    found = summed(looks(100.0, 200.0, 300.0, 320.0, 320.0, 320.0), sources=1_000_000, minutes=1.0)
    assert found.slope_mib_per_million == pytest.approx(0.0, abs=0.01)


def test_an_open_sequence_costs_what_the_score_worker_grew_by() -> None:
    start = Look(0, 0, 0, 100.0, 100.0)
    found = summed([start, *looks(101.0, opened=1024)], sources=1_000_000, minutes=1.0)
    assert found.bytes_per_open_sequence == 1024
