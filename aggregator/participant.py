"""What a site answers: weights in, weights and bounded numbers out, on its own data and within its own policy."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec
from flwr.app import ConfigRecord, Message, RecordDict

from aggregator import records
from aggregator.ledger import Ledger, OverBudget
from aggregator.plan import UNITS
from aggregator.policy import Asked, Policy, told
from aggregator.privacy import Budget
from aggregator.rounds import ENCODER
from aggregator.secure import DATA, METRICS, data_of
from aggregator.spending import Phase, Purse, TrainsPrivately
from aggregator.standing import Masks
from deepsentry.errors import FederationError
from deepsentry.events import ModelReference
from models.artifact import Federation, TrainedVersion
from models.federated import Ask, Measured
from models.private import Unit
from models.shared import Weights, base_digest, digest

MOST_SEED: Final = 2**31
ENCODER_STEPS: Final = 50
"""Batches of statements in a round of the encoder, at most."""


class Refusal(FederationError):
    """This site does not answer; the text is our own and may be told."""


class Learns(TrainsPrivately, Protocol):
    """A site's data: `models.federated.Site`."""

    @property
    def examples(self) -> int:
        """Sequences that it trains on."""

    def loss(self, weights: Weights) -> float:
        """Return the surprise of weights, nats a line; lower is better."""

    def train(self, weights: Weights, ask: Ask, stopped: Callable[[], bool]) -> Weights:
        """Return the weights with the LSTM trained."""

    def train_encoder(self, weights: Weights, ask: Ask) -> Weights:
        """Return the weights with the encoder's dense layer trained."""

    def measure(self, weights: Weights) -> Measured:
        """Return what weights are worth; higher AUC is better."""

    def version(self, weights: Weights, federation: Federation) -> TrainedVersion:
        """Return a version of this site's own."""


@dataclass(frozen=True, slots=True)
class Privately:
    """A site's ledger, its budget, and what it counts by."""

    ledger: Ledger
    budget: Budget
    unit: Unit
    purse: Purse

    @classmethod
    def of(cls, ledger: Ledger, budget: Budget, unit: Unit, clock: Callable[[], str]) -> "Privately":
        """Return them with a purse that pays from the ledger."""
        return cls(ledger, budget, unit, Purse(ledger, budget, unit, clock))

    def epsilon(self, job: str) -> float:
        """Return what a job has cost here so far."""
        return self.ledger.of(job, self.budget.delta).value


@dataclass(frozen=True, slots=True)
class Reply:
    """A message that goes out, with what the audit line says of it."""

    message: Message
    told: tuple[str, ...]
    weights: str = ""


class Participant:
    """Answers the messages of jobs. One at a time, from one thread."""

    def __init__(
        self,
        data: Callable[[str], Learns],
        policy: Policy,
        masks: Masks | None,
        save: Callable[[TrainedVersion], ModelReference],
        privately: Privately | None = None,
    ) -> None:
        """Take `data`, which returns the site's sequences as a job shall see them."""
        self._data = data
        self._policy = policy
        self._masks = masks
        self._save = save
        self._privately = privately

    def answer(self, message: Message, asked: Asked, stopped: Callable[[], bool]) -> Reply:
        """Return the reply. Raises Refusal with what may be told, and anything else with what may not."""
        if asked.config.get("base", base_digest()) != base_digest():
            refusal = "this site has another base encoder; both sides need the same release"
            raise Refusal(refusal)
        kind, _, stage = asked.type.partition(".")
        match kind, stage:
            case "train", "":
                return self._train(message, asked, stopped)
            case "train", _:
                return self._masked(message, asked, stage, stopped)
            case "evaluate", "":
                return self._evaluate(message, asked)
            case "query", "adopt":
                return self._adopt(message, asked)
            case _:
                refusal = "this kind of message is not answered"
                raise Refusal(refusal)

    def _train(self, message: Message, asked: Asked, stopped: Callable[[], bool]) -> Reply:
        weights = self._weights(message, records.ARRAYS)
        after, facts = self._learn(weights, asked, stopped)
        facts = told(self._policy, facts)
        return Reply(records.answer(message, facts, after), tuple(sorted(facts)), digest(after))

    def _learn(self, weights: Weights, asked: Asked, stopped: Callable[[], bool]) -> tuple[Weights, records.Facts]:
        """Return weights after a round at this site, within its clamps, and what it measured before."""
        site = self._data(str(asked.config.get("job", "")))
        encoder = asked.config.get("phase") == ENCODER
        steps = max(min(int(asked.number("steps")), self._policy.most_steps), 1)
        ask = Ask(
            steps=steps,
            rate=min(asked.number("rate"), self._policy.most_rate),
            mu=min(max(asked.number("mu"), 0.0), 100.0),
            seed=int(asked.number("seed")) % MOST_SEED,
        )
        if encoder:
            ask = Ask(min(steps, ENCODER_STEPS), ask.rate, 0.0, ask.seed)
        if asked.number("noise") > 0:
            return self._learn_privately(site, weights, ask, asked, stopped)
        facts = {records.WEIGHT: float(site.examples), "loss": site.loss(weights)}
        after = site.train_encoder(weights, ask) if encoder else site.train(weights, ask, stopped)
        return after, facts

    def _learn_privately(
        self, site: Learns, weights: Weights, ask: Ask, asked: Asked, stopped: Callable[[], bool]
    ) -> tuple[Weights, records.Facts]:
        """Train with noise; how many sequences there are is held to be public, their loss is not and stays."""
        mine = self._privately
        if mine is None:
            refusal = "this site keeps no ledger of privacy"
            raise Refusal(refusal)
        if asked.config.get("unit") != mine.unit:
            refusal = f"this site counts its privacy by {UNITS[mine.unit]}"
            raise Refusal(refusal)
        phase: Phase = "encoder" if asked.config.get("phase") == ENCODER else "sequence"
        job, number = str(asked.config.get("job", "")), int(asked.number("round"))
        bought = mine.purse.train(site, weights, ask, phase, asked.number("noise"), job, number, stopped)
        if isinstance(bought, OverBudget):
            refusal = "the privacy budget of this site does not allow another round"
            raise Refusal(refusal)
        return bought.weights, {records.WEIGHT: float(site.examples)}

    def _masked(self, message: Message, asked: Asked, stage: str, stopped: Callable[[], bool]) -> Reply:
        if self._masks is None:
            refusal = "this site has no roster for secure aggregation"
            raise Refusal(refusal)
        data = data_of(message)
        if data is None:
            refusal = "the message holds no bytes of the protocol"
            raise Refusal(refusal)
        if stage == "masked":
            weights = self._weights(message, records.ARRAYS)

            def learn() -> tuple[Weights, records.Facts]:
                return self._learn(weights, asked, stopped)

            out = self._masks.contribute(data, weights, dict(asked.config), learn)
        else:
            out = self._masks.answer(stage, data)
        if isinstance(out, str):
            raise Refusal(out)
        reply = Message(RecordDict({DATA: ConfigRecord({"data": out})}), reply_to=message)
        return Reply(reply, METRICS if stage == "masked" else ())

    def _evaluate(self, message: Message, asked: Asked) -> Reply:
        site = self._data(str(asked.config.get("job", "")))
        found = site.measure(self._weights(message, records.ARRAYS))
        facts = {records.WEIGHT: float(site.examples), "loss": found.loss, "auc": found.auc}
        if records.CURRENT in message.content.array_records:
            facts["current-auc"] = site.measure(self._weights(message, records.CURRENT)).auc
        if asked.number("noise") > 0 and self._privately is not None:
            facts["epsilon"] = self._privately.epsilon(str(asked.config.get("job", "")))
        facts = told(self._policy, facts)
        return Reply(records.answer(message, facts), tuple(sorted(facts)))

    def _adopt(self, message: Message, asked: Asked) -> Reply:
        weights = self._weights(message, records.ARRAYS)
        if digest(weights) != asked.config.get("digest"):
            refusal = "the weights do not have the digest that they are announced with"
            raise Refusal(refusal)
        reference = ModelReference(str(asked.config["model"])[:63], int(asked.number("version")), digest(weights))
        job = str(asked.config.get("job", ""))
        note = Federation(job, reference, int(asked.number("rounds")), int(asked.number("sites")))
        mine = self._privately
        if asked.number("noise") > 0 and mine is not None:
            note = msgspec.structs.replace(
                note, epsilon=mine.epsilon(job), delta=mine.budget.delta, unit=UNITS[mine.unit]
            )
        self._save(self._data(job).version(weights, note))
        return Reply(records.answer(message, {"adopted": 1.0}), ("adopted",))

    def _weights(self, message: Message, name: str) -> Weights:
        record = message.content.array_records.get(name)
        if record is None:
            refusal = "the message holds no weights"
            raise Refusal(refusal)
        return records.from_arrays(record)
