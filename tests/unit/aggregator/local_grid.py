"""A grid without sockets: a message goes straight to the agent of its node, serialised on the way in and out."""

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from flwr.app import Context, Message, RecordDict
from flwr.serverapp import Grid

from aggregator import app, flower
from aggregator.agent import Agent, Seen
from aggregator.audit import Audit
from aggregator.participant import Participant, Privately
from aggregator.policy import Policy
from aggregator.standing import Masks
from deepsentry.events import ModelReference
from models.artifact import Federation, TrainedVersion
from models.federated import Ask, Measured, Privacy
from models.private import Unit
from models.shared import Weights, digest

SERVER = 1
_runs = itertools.count(77)


class Numbers:
    """A site whose data are one number: training moves every weight by it."""

    def __init__(self, step: float, examples: int = 100, auc: float = 0.9) -> None:
        self.step, self._examples, self.auc = step, examples, auc
        self.aucs: dict[str, float] = {}
        self.notes: list[Federation] = []
        self.privacies: list[Privacy] = []
        self.asks: list[Ask] = []

    @property
    def examples(self) -> int:
        return self._examples

    def loss(self, _weights: Weights) -> float:
        return 1.0

    def train(self, weights: Weights, ask: Ask, _stopped: Callable[[], bool]) -> Weights:
        self.asks.append(ask)
        return {name: (w + np.float32(self.step)).astype(np.float32) for name, w in weights.items()}

    def train_encoder(self, weights: Weights, ask: Ask) -> Weights:
        return self.train(weights, ask, lambda: False)

    def records(self, _unit: Unit) -> int:
        return self._examples

    def train_privately(
        self, weights: Weights, ask: Ask, privacy: Privacy, stopped: Callable[[], bool]
    ) -> tuple[Weights, int]:
        self.privacies.append(privacy)
        return self.train(weights, ask, stopped), ask.steps

    def train_encoder_privately(
        self, weights: Weights, ask: Ask, privacy: Privacy, stopped: Callable[[], bool]
    ) -> tuple[Weights, int]:
        return self.train_privately(weights, ask, privacy, stopped)

    def measure(self, weights: Weights) -> Measured:
        return Measured(1.0, self.aucs.get(digest(weights), self.auc))

    def version(self, _weights: Weights, note: Federation) -> TrainedVersion:
        self.notes.append(note)
        return TrainedVersion.__new__(TrainedVersion)


@dataclass
class Station:
    """A site as the grid reaches it."""

    agent: Agent
    data: Numbers
    audit: Path
    replies: list[Message] = field(default_factory=list)


def station(
    folder: Path,
    data: Numbers,
    policy: Policy | None = None,
    masks: Masks | None = None,
    privately: Privately | None = None,
) -> Station:
    folder.mkdir(parents=True, exist_ok=True)
    policy = policy or Policy()
    participant = Participant(
        lambda _job: data, policy, masks, lambda _version: ModelReference("detector", 1, ""), privately
    )
    audit = folder / "audit.jsonl"
    return Station(Agent(None, participant, policy, Audit(audit), Seen(folder / "seen")), data, audit)  # type: ignore[arg-type]


class LocalGrid(Grid):
    """`drop`: no answer; `forge`: what a dishonest side makes of a reply. `sent` keeps every message."""

    def __init__(
        self,
        stations: Mapping[int, Station],
        *,
        drop: Callable[[Message], bool] = lambda _message: False,
        forge: Callable[[Message, Message], Message] = lambda _message, reply: reply,
    ) -> None:
        self.stations = dict(stations)
        self._drop, self._forge = drop, forge
        self.sent: list[Message] = []
        self.bundle = app.bundle().content
        self.app_id = app.APP
        self._queue: dict[str, Message] = {}
        self.run_id = next(_runs)
        flower.act_as(self.run_id, SERVER)

    @property
    def run(self) -> Any:
        return SimpleNamespace(run_id=self.run_id)

    def set_run(self, run: Any) -> None:
        raise NotImplementedError

    def create_message(self, *args: Any, **kwargs: Any) -> Message:
        raise NotImplementedError

    def get_node_ids(self) -> list[int]:
        return list(self.stations)

    def push_messages(self, messages: Iterable[Message]) -> list[str]:
        ids = []
        for message in messages:
            flower.stamp(message)
            self._queue[message.object_id] = message
            self.sent.append(message)
            ids.append(message.object_id)
        return ids

    def pull_messages(self, message_ids: Iterable[str]) -> list[Message]:
        due = [self._queue.pop(i) for i in list(message_ids) if i in self._queue]
        return [reply for reply in map(self._answer, due) if reply is not None]

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> list[Message]:
        raise NotImplementedError

    def task(self, message: Message) -> flower.Task:
        run: Any = SimpleNamespace(run_id=self.run_id, fab_id=self.app_id)
        node = message.metadata.dst_node_id
        context = Context(
            run_id=self.run_id, node_id=node, node_config={}, state=RecordDict(), run_config={}, series_id=1
        )
        return flower.Task(flower.as_on_the_wire(message), context, run, self.bundle, flower.Bundle(self.bundle).digest)

    def _answer(self, message: Message) -> Message | None:
        if self._drop(message):
            return None
        node = message.metadata.dst_node_id
        flower.act_as(self.run_id, node)
        try:
            reply, line = self.stations[node].agent.answer(self.task(message), lambda: False)
        finally:
            flower.act_as(self.run_id, SERVER)
        self.stations[node].agent._audit.write(line)
        flower.stamp(reply, source=node)
        reply = flower.as_on_the_wire(reply)
        self.stations[node].replies.append(reply)
        return self._forge(message, reply)
