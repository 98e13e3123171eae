"""Epsilon, checked against accountants that share nothing with the one we use."""

import math
from statistics import NormalDist

import numpy as np
import pytest
from flwr.serverapp import GaussianPrivacyEvent, NeighboringRelation, PrivacyConfig, RdpAccountant, SamplingMethod
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st

from aggregator.privacy import Budget, Epsilon, Spent, Unit, by_rdp, epsilon, noise_for, said, within

DELTA = 1e-5


def spent(noise: float, rate: float, steps: int, unit: Unit = "sequence", job: str = "job") -> Spent:
    return Spent(job, 1, unit, noise, rate, steps)


def by_convolution(noise: float, rate: float, steps: int, delta: float) -> float:
    """Epsilon by our own hand: the privacy loss of one step on a grid, convolved with itself by FFT.

    Losses are rounded to the nearest of 2^20 cells of 2e-4, so the result is near, neither above nor below for sure.
    Both directions of the neighbouring relation are taken, and the worse one counts.
    """
    cell, size = 2e-4, 1 << 20
    x = np.linspace(-14 * noise, 14 * noise + 1, 400_001)
    gap = x[1] - x[0]
    outside = np.exp(-(x**2) / (2 * noise**2)) / (noise * math.sqrt(2 * math.pi)) * gap
    inside = (1 - rate) * outside + rate * np.exp(-((x - 1) ** 2) / (2 * noise**2)) / (
        noise * math.sqrt(2 * math.pi)
    ) * gap
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.log1p(rate * np.expm1((2 * x - 1) / (2 * noise**2)))
    found = []
    for mass, loss in ((inside, ratio), (outside, -ratio)):
        cells = np.clip(np.rint(loss / cell).astype(np.int64), -size // 2, size // 2 - 1)
        density = np.bincount(cells % size, weights=mass, minlength=size)
        total = np.fft.irfft(np.fft.rfft(density) ** steps, size)
        losses = np.fft.fftfreq(size, 1 / size) * cell
        total = np.clip(total, 0, None)

        def delta_at(eps: float, total: np.ndarray = total, losses: np.ndarray = losses) -> float:  # type: ignore[type-arg]
            over = losses > eps
            return float((total[over] * -np.expm1(eps - losses[over])).sum())

        low, high = 0.0, 60.0
        while high - low > 1e-4:
            middle = (low + high) / 2
            low, high = (middle, high) if delta_at(middle) > delta else (low, middle)
        found.append(high)
    return max(found)


@pytest.mark.parametrize(
    ("noise", "rate", "steps"),
    [(1.0, 256 / 20_000, 400), (0.7, 0.01, 300), (1.84, 0.25, 120), (3.4, 0.5, 100), (1.1, 0.06, 500)],
)
def test_epsilon_is_that_of_an_accountant_of_our_own(noise: float, rate: float, steps: int) -> None:
    ours = epsilon([spent(noise, rate, steps)], DELTA)
    own = by_convolution(noise, rate, steps, DELTA)
    assert ours.pld == pytest.approx(own, rel=0.01, abs=0.01)
    assert ours.rdp >= own * 0.999  # a bound, and a looser one


@pytest.mark.parametrize(("noise", "steps"), [(1.0, 1), (4.66, 60), (6.58, 120), (2.0, 10)])
def test_without_sampling_epsilon_is_the_exact_one_of_the_gaussian_mechanism(noise: float, steps: int) -> None:
    """Balle and Wang 2018, theorem 8: T steps of noise z are one of noise z / sqrt(T)."""
    normal, mu = NormalDist(), math.sqrt(steps) / noise
    found = epsilon([spent(noise, 1.0, steps)], DELTA).pld
    delta = normal.cdf(mu / 2 - found / mu) - math.exp(found) * normal.cdf(-mu / 2 - found / mu)
    assert delta == pytest.approx(DELTA, rel=0.03)
    assert delta <= DELTA * 1.001


@pytest.mark.parametrize(("noise", "batch", "steps"), [(1.0, 128, 400), (0.8, 500, 100), (2.0, 10_000, 10)])
def test_flowers_accountant_says_about_the_same(noise: float, batch: int, steps: int) -> None:
    population = 10_000
    config = PrivacyConfig(
        target_delta=DELTA,
        population_size=population,
        neighboring_relation=NeighboringRelation.ADD_OR_REMOVE_ONE,
        sampling_method=SamplingMethod.POISSON,
    )
    accountant = RdpAccountant(config)
    accountant.compose(GaussianPrivacyEvent(noise, batch, population), steps)
    theirs = accountant.get_epsilon(DELTA)
    assert epsilon([spent(noise, batch / population, steps)], DELTA).rdp == pytest.approx(theirs, rel=0.02)


def test_the_figures_of_the_literature() -> None:
    """100,000 records, batch 256, noise 1, 10 epochs: about 1.09 by RDP and .82 by PLD."""
    found = epsilon([spent(1.0, 256 / 100_000, 3910)], DELTA)
    assert found.rdp == pytest.approx(1.09, abs=0.03)
    assert found.pld == pytest.approx(0.82, abs=0.03)


def test_nothing_spent_costs_nothing() -> None:
    assert epsilon([], DELTA) == Epsilon(0.0, 0.0, DELTA, "key")


@pytest.mark.parametrize("parts", [[(1.0, 0.05, 10)], [(2.0, 1.0, 3), (1.0, 0.05, 10)]])
def test_more_is_never_cheaper_and_order_does_not_matter(parts: list[tuple[float, float, int]]) -> None:
    one = [spent(*part) for part in parts]
    more = [*one, spent(2.0, 0.1, 20)]
    assert epsilon(more, DELTA).value > epsilon(one, DELTA).value
    assert epsilon(more[::-1], DELTA) == epsilon(more, DELTA)


@profile(max_examples=40)
@given(
    noise=st.floats(0.5, 5),
    rate=st.floats(0.01, 1),
    shares=st.lists(st.integers(1, 40), min_size=1, max_size=4),
)
def test_rounds_alike_cost_what_they_cost_in_one(noise: float, rate: float, shares: list[int]) -> None:
    """Which is why a budget cannot be stretched by splitting a job."""
    parts = [spent(noise, rate, steps, job=str(n)) for n, steps in enumerate(shares)]
    assert by_rdp(parts, DELTA) == by_rdp([spent(noise, rate, sum(shares))], DELTA)


def test_the_budget_is_kept_to_the_last_step() -> None:
    budget = Budget(8.0)
    noise = noise_for(budget, 0.25, 120)
    assert 7.8 < epsilon([spent(noise, 0.25, 120)], DELTA).value <= 8.0
    assert within(budget, [], spent(noise, 0.25, 120)) is not None
    assert within(budget, [spent(noise, 0.25, 120)], spent(noise, 0.25, 1)) is None


def test_the_unit_is_the_weakest_of_all() -> None:
    both = [spent(2.0, 0.1, 10, "key"), spent(2.0, 0.1, 10, "sequence")]
    assert epsilon(both, DELTA).unit == "sequence"
    assert epsilon(both[:1], DELTA).unit == "key"


def test_the_cost_is_said_with_delta_and_unit() -> None:
    assert said(Epsilon(8.4, 7.961, 1e-5, "sequence")) == "epsilon 7.96 at delta 1e-05, for one sequence"
    assert said(Epsilon(1.0, 2.0, 1e-6, "key")) == "epsilon 1 at delta 1e-06, for all sequences of one key"
