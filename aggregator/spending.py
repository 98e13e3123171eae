"""Private training at a site: paid for in the ledger before it begins, refused where the budget does not reach."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from aggregator.ledger import Ledger, OverBudget
from aggregator.privacy import Budget, Epsilon, Spent
from models.federated import Ask, Privacy
from models.private import KEY, Protection, Randomness, Unit
from models.shared import Weights

Phase = Literal["encoder", "sequence"]

RATE: Final = 0.125
"""Share of the records that a step draws. With more, noise counts less and a step costs more time."""
CLIP: Final[dict[Phase, float]] = {"encoder": 0.5, "sequence": 0.2}
"""Far below a usual gradient, so that nearly all are cut to the same length. Found on public data."""


class TrainsPrivately(Protocol):
    """A site's data: `models.federated.Site`."""

    def records(self, unit: Unit) -> int:
        """Return how many records there are to be drawn from."""

    def train_privately(
        self, weights: Weights, ask: Ask, privacy: Privacy, stopped: Callable[[], bool]
    ) -> tuple[Weights, int]:
        """Return the weights with the LSTM trained by DP-SGD."""

    def train_encoder_privately(
        self, weights: Weights, ask: Ask, privacy: Privacy, stopped: Callable[[], bool]
    ) -> tuple[Weights, int]:
        """Return the weights with the encoder's dense layer trained by DP-SGD."""


@dataclass(frozen=True, slots=True)
class Bought:
    """Weights that may leave, and what the job and all jobs have cost so far."""

    weights: Weights
    job: Epsilon
    total: Epsilon


class Purse:
    """A site's budget and its ledger. One a process; `clock` gives the time as text."""

    def __init__(
        self,
        ledger: Ledger,
        budget: Budget,
        unit: Unit,
        clock: Callable[[], str],
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._ledger = ledger
        self._budget = budget
        self._unit = unit
        self._clock = clock
        self._random = random

    def train(
        self,
        site: TrainsPrivately,
        weights: Weights,
        ask: Ask,
        phase: Phase,
        noise: float,
        job: str,
        number: int,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Bought | OverBudget:
        """Return weights after one round. All its steps are paid for, also where `stopped` ends it early."""
        spent = Spent(job, number, self._unit, noise, RATE, ask.steps)
        total = self._ledger.charge(spent, self._budget, self._clock())
        if isinstance(total, OverBudget):
            return total
        protection = Protection(noise, RATE * site.records(self._unit), CLIP[phase])
        privacy = Privacy(self._unit, protection, Randomness(self._random(KEY)))
        learn = site.train_encoder_privately if phase == "encoder" else site.train_privately
        after, _ = learn(weights, ask, privacy, stopped)
        return Bought(after, self._ledger.of(job, self._budget.delta), total)
