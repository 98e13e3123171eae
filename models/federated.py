"""A site in a federation, without the network between: weights in, weights and a few bounded numbers out."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from models.artifact import Federation, TrainedVersion
from models.encoder import WIDTH, Encoder
from models.faults import ORDER
from models.finishing import Networks, finish
from models.intake import NOTHING, Progress
from models.prepare import LoggedSequence, Observed
from models.preparing import TrainingOptions, prepare
from models.private import Protection, Randomness, Unit
from models.sequence import Model, Walk, strongest, surprises
from models.shared import Weights, networks_of, weights_of
from models.training import examples

if TYPE_CHECKING:
    from models.keras.private import PrivateLearner

_JUDGED: Final = 200
"""Held-out sequences that an AUC is measured on."""
_TOLERANCE: Final = 1
_LINES: Final = 3


@dataclass(frozen=True, slots=True)
class Ask:
    """How a site trains in one round."""

    steps: int
    """Batches, at most."""
    rate: float
    """Learning rate."""
    mu: float = 0.0
    """FedProx: how strongly weights are held to those that came in (Li et al. 2020)."""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Measured:
    """What a site says of weights; both numbers are of its held-out data."""

    loss: float
    """Surprise in nats a line."""
    auc: float
    """Chance that a sequence with a fault put into it looks stranger than one without."""


@dataclass(frozen=True, slots=True)
class Privacy:
    """How a round is made private: what a record is, how it is hidden, and a source that nobody can foretell."""

    unit: Unit
    protection: Protection
    randomness: Randomness


class Site:
    """One site's data and what it does with weights from elsewhere. Raises TrainingError where there is too little."""

    def __init__(self, sequences: Iterable[LoggedSequence], options: TrainingOptions, progress: Progress) -> None:
        from models.keras import runtime  # noqa: PLC0415  (TensorFlow loads only where something is trained)

        runtime.prepare(options.seed)
        from models.keras.federated import Learner  # noqa: PLC0415

        self._options = options
        self._progress = progress
        self._rng = np.random.default_rng(options.seed)
        self.prepared = prepare(sequences, options, self._rng, progress)
        part = self.prepared.part
        self._private: dict[Unit, PrivateLearner] = {}
        self._learner = Learner(len(self.prepared.templates), examples(part.training), examples(part.validation))

    @property
    def examples(self) -> int:
        """Sequences that this site trains on."""
        return len(self.prepared.part.training)

    def loss(self, weights: Weights) -> float:
        """Return the surprise of weights on held-out sequences, nats a line."""
        encoder, network = networks_of(weights)
        self._learner.see(self._vectors(encoder))
        return self._learner.loss(network)

    def train(self, weights: Weights, ask: Ask, stopped: Callable[[], bool]) -> Weights:
        """Return the weights with the LSTM trained on this site's sequences."""
        encoder, network = networks_of(weights)
        self._learner.see(self._vectors(encoder))
        return weights_of(encoder, self._learner.fit(network, ask, stopped))

    def train_encoder(self, weights: Weights, ask: Ask) -> Weights:
        """Return the weights with the encoder's dense layer trained on this site's statements."""
        from models.keras.federated import fit_encoder  # noqa: PLC0415

        encoder, network = networks_of(weights)
        return weights_of(fit_encoder(encoder, self.prepared.templates, ask), network)

    def train_privately(
        self, weights: Weights, ask: Ask, privacy: Privacy, stopped: Callable[[], bool]
    ) -> tuple[Weights, int]:
        """Return the weights with the LSTM trained by DP-SGD, and the steps taken: each of them costs privacy."""
        encoder, network = networks_of(weights)
        learner = self._private_learner(privacy.unit)
        learner.see(self._vectors(encoder))
        after, steps = learner.fit(network, privacy.protection, ask.steps, ask.rate, privacy.randomness, stopped)
        return weights_of(encoder, after), steps

    def train_encoder_privately(
        self, weights: Weights, ask: Ask, privacy: Privacy, stopped: Callable[[], bool]
    ) -> tuple[Weights, int]:
        """Return the weights with the encoder's dense layer trained by DP-SGD, and the steps taken."""
        from models.keras.private_encoder import statements_of, train_privately  # noqa: PLC0415

        encoder, network = networks_of(weights)
        texts = self.prepared.templates
        records = [
            statements_of([texts[t] for o in record for t in o.templates if t != NOTHING])
            for record in self._grouped(privacy.unit)
        ]
        rng = np.random.default_rng(ask.seed)
        after, steps = train_privately(
            encoder, records, privacy.protection, ask.steps, ask.rate, privacy.randomness, rng, stopped
        )
        return weights_of(after, network), steps

    def records(self, unit: Unit) -> int:
        """Return how many records there are to be drawn from."""
        return len(self._grouped(unit))

    def _grouped(self, unit: Unit) -> list[list[Observed]]:
        """Return the records; a sequence of which nothing is known as a statement is none."""
        mine = zip(self.prepared.owners, self.prepared.part.training, strict=True)
        known = [(owner, o) for owner, o in mine if any(t != NOTHING for t in o.templates)]
        if unit == "sequence":
            return [[o] for _, o in known]
        groups: dict[str, list[Observed]] = {}
        for owner, o in known:
            groups.setdefault(owner, []).append(o)
        return list(groups.values())

    def _private_learner(self, unit: Unit) -> "PrivateLearner":
        from models.keras.private import PrivateLearner  # noqa: PLC0415

        if unit not in self._private:
            grouped = [tuple(examples(record)) for record in self._grouped(unit)]
            self._private[unit] = PrivateLearner(len(self.prepared.templates), grouped)
        return self._private[unit]

    def measure(self, weights: Weights) -> Measured:
        """Return what weights are worth here, without a label: faults are put into held-out sequences."""
        encoder, network = networks_of(weights)
        model = Model(network, self._vectors(encoder), self.prepared.normal)
        rng = np.random.default_rng(self._options.seed)
        held = self.prepared.part.validation
        chosen = [held[i] for i in rng.permutation(len(held))[:_JUDGED]]
        broken = [Observed(f(o.templates, rng), complete=True, kind=o.kind) for o in chosen for f in ORDER.values()]
        faulty = [o for o in broken if o.templates not in {h.templates for h in chosen}]
        return Measured(self.loss(weights), _auc(_strange(model, chosen), _strange(model, faulty)))

    def version(self, weights: Weights, federation: Federation) -> TrainedVersion:
        """Return a version of this site's own: the shared weights, calibrated on what only this site knows."""
        encoder, network = networks_of(weights)
        fitted = Networks(encoder, network, {"validation_loss": round(self.loss(weights), 4)}, federation)
        return finish(self.prepared, fitted, self._options, np.random.default_rng(self._options.seed), self._progress)

    def _vectors(self, encoder: Encoder) -> NDArray[np.float64]:
        return np.array([encoder.encode(text) for text in self.prepared.templates]).reshape(-1, WIDTH)


def _strange(model: Model, sequences: list[Observed]) -> NDArray[np.float64]:
    usual = np.zeros(model.templates + 1)
    rows = [tuple(t for t in o.templates if t != NOTHING) for o in sequences]
    expected = model.expect([Walk(r, begins=o.kind == "session") for r, o in zip(rows, sequences, strict=True)])
    return np.array(
        [
            strongest(surprises(e, usual, r, _TOLERANCE, ended=o.kind == "session"), _LINES)
            for e, r, o in zip(expected, rows, sequences, strict=True)
        ]
    )


def _auc(normal: NDArray[np.float64], strange: NDArray[np.float64]) -> float:
    """Return the share of pairs in which the strange one has the higher score, ties half."""
    if not len(normal) or not len(strange):
        return 0.5
    over = (strange[:, None] > normal).mean() + 0.5 * (strange[:, None] == normal).mean()
    return float(over)
