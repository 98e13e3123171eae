"""What the training of a site costs its records in privacy: accounted over all jobs, by two methods. Pure.

The mechanism is DP-SGD: each record is drawn by itself with a fixed chance (Poisson sampling), its gradient is clipped,
Gaussian noise is added to the sum. Neighbours differ in one record, added or removed.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from dp_accounting import ExplicitBracketInterval, calibrate_dp_mechanism, dp_event, pld, rdp

from models.private import Unit

_ORDERS: Final = (*(1 + i / 10 for i in range(5, 100)), *range(11, 64), 80, 128, 256, 512)
_INTERVAL: Final = 1e-3
"""Of the discretised privacy loss; it is rounded up, so a coarser one says more than was spent, never less."""
_HOPELESS: Final = 100.0
"""By RDP; what costs more is not looked at closer. The grid of so little noise would fill the memory."""
_MOST_NOISE: Final = 1_000.0


class Spent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one round of training took."""

    job: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    round: Annotated[int, msgspec.Meta(ge=0)]
    unit: Unit
    noise: Annotated[float, msgspec.Meta(gt=0, le=_MOST_NOISE)]
    """Standard deviation in units of the clipping bound."""
    rate: Annotated[float, msgspec.Meta(gt=0, le=1)]
    """Chance of a record to take part in a step."""
    steps: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]


@dataclass(frozen=True, slots=True)
class Budget:
    """What a site is willing to spend over all jobs."""

    epsilon: float
    delta: float = 1e-5


@dataclass(frozen=True, slots=True)
class Epsilon:
    """Two upper bounds on the same cost at one delta; the smaller one holds."""

    rdp: float
    """By Renyi differential privacy (Mironov 2017)."""
    pld: float
    """By the distribution of the privacy loss (Doroshenko et al. 2022)."""
    delta: float
    unit: Unit
    """The weakest of what was spent: an epsilon for keys holds for sequences too, not the other way round."""

    @property
    def value(self) -> float:
        """Return the epsilon."""
        return min(self.rdp, self.pld)


def epsilon(spent: Sequence[Spent], delta: float) -> Epsilon:
    """Return what all of `spent` together costs a record that took part in everything."""
    unit: Unit = "sequence" if any(each.unit == "sequence" for each in spent) else "key"
    if not spent:
        return Epsilon(0.0, 0.0, delta, unit)
    loose = by_rdp(spent, delta)
    if not loose <= _HOPELESS:
        return Epsilon(loose, math.inf, delta, unit)
    by_pld = pld.PLDAccountant(value_discretization_interval=_INTERVAL)
    by_pld.compose(_composed(spent))
    return Epsilon(loose, float(by_pld.get_epsilon(delta)), delta, unit)


def by_rdp(spent: Sequence[Spent], delta: float) -> float:
    """Return the looser of the two bounds, which takes a hundredth of the time."""
    accountant = rdp.RdpAccountant(_ORDERS)
    accountant.compose(_composed(spent))
    return float(accountant.get_epsilon(delta))


def within(budget: Budget, spent: Sequence[Spent], more: Spent) -> Epsilon | None:
    """Return what `spent` and `more` cost together, None where that passes the budget."""
    total = epsilon([*spent, more], budget.delta)
    return total if total.value <= budget.epsilon else None


def noise_for(budget: Budget, rate: float, steps: int) -> float:
    """Return the least noise multiplier, to 1 %, with which so many steps stay within the budget."""
    return float(
        calibrate_dp_mechanism(
            lambda: pld.PLDAccountant(value_discretization_interval=_INTERVAL * 10),
            lambda noise: _event(noise, rate, steps),
            budget.epsilon,
            budget.delta,
            ExplicitBracketInterval(0.2, _MOST_NOISE),
            tol=0.005,
        )
    )


def said(cost: Epsilon) -> str:
    """Return the cost in words for people, as every version states it."""
    what = "one sequence" if cost.unit == "sequence" else "all sequences of one key"
    return f"epsilon {cost.value:.3g} at delta {cost.delta:g}, for {what}"


def _merged(spent: Iterable[Spent]) -> Counter[tuple[float, float]]:
    steps: Counter[tuple[float, float]] = Counter()
    for each in spent:
        steps[each.noise, each.rate] += each.steps
    return steps


def _composed(spent: Sequence[Spent]) -> dp_event.DpEvent:
    return dp_event.ComposedDpEvent([_event(*parts, steps) for parts, steps in sorted(_merged(spent).items())])


def _event(noise: float, rate: float, steps: int) -> dp_event.DpEvent:
    step = dp_event.PoissonSampledDpEvent(rate, dp_event.GaussianDpEvent(noise))
    return dp_event.SelfComposedDpEvent(step, steps)
