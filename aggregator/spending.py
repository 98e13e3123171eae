"""Private training at a site: what it costs is in the ledger before it begins, and refused past the budget."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from aggregator.ledger import Ledger, OverBudget
from aggregator.policy import Asked
from aggregator.privacy import Budget, Spent
from models.federated import Ask, Privacy
from models.private import CLIP, KEY, Protection, Randomness, Unit
from models.shared import Weights


class Private(Protocol):
    """A site's data, as private training sees them: `models.federated.Site`."""

    def records(self, unit: Unit) -> int:
        """Return how many records there are."""

    def train_privately(
        self, weights: Weights, ask: Ask, privacy: Privacy, stopped: Callable[[], bool]
    ) -> tuple[Weights, int]:
        """Return the weights with the LSTM trained, and the steps taken."""

    def train_encoder_privately(
        self, weights: Weights, ask: Ask, privacy: Privacy, stopped: Callable[[], bool]
    ) -> tuple[Weights, int]:
        """Return the weights with the encoder's dense layer trained, and the steps taken."""


@dataclass(frozen=True, slots=True)
class Spending:
    """One site's ledger and how much may ever stand in it."""

    ledger: Ledger
    budget: Budget
    random: Callable[[int], bytes] = os.urandom
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def train(
        self, site: Private, weights: Weights, ask: Ask, asked: Asked, stopped: Callable[[], bool]
    ) -> Weights | OverBudget:
        """Return trained weights; steps that a stop saved were paid for all the same."""
        unit = unit_of(asked)
        encoder = asked.config.get("phase") == "encoder"
        clip = CLIP["encoder" if encoder else "sequence"]
        protection = Protection(asked.number("noise"), max(asked.number("batch"), 1.0), clip)
        job, round_ = str(asked.config.get("job", ""))[:128], int(asked.number("round"))
        rate = protection.rate(max(site.records(unit), 1))
        charged = self.ledger.charge(
            Spent(job, round_, unit, protection.noise, rate, ask.steps), self.budget, self.now().isoformat()
        )
        if isinstance(charged, OverBudget):
            return charged
        privacy = Privacy(unit, protection, Randomness(self.random(KEY)))
        train = site.train_encoder_privately if encoder else site.train_privately
        after, _ = train(weights, ask, privacy, stopped)
        return after

    def epsilon(self, job: str) -> float:
        """Return what a job has cost here so far."""
        return self.ledger.of(job, self.budget.delta).value


def unit_of(asked: Asked) -> Unit:
    """Return what the privacy is of."""
    unit = asked.config.get("unit")
    return "key" if unit == "key" else "sequence"
