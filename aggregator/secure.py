"""A round of secure aggregation over the grid: five messages to each site; what comes out is the sum."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from flwr.app import ConfigRecord, Message

from aggregator import records
from aggregator.guard import GuardedGrid, NotEnoughSites
from aggregator.secagg import Asking, Layout, Refused, Roster, Setup, Sid, Stopped, Total, begin, binding, take
from models.shared import Weights, checked

METRICS: Final = ("loss",)
DATA: Final = "secure-data"
MASKED: Final = "masked"
BETWEEN_S: Final = 120.0
"""Seconds for the answers of the short stages, at most."""

Config = Mapping[str, str | int | float | bool]


@dataclass(frozen=True, slots=True)
class Summed:
    """What a round gave."""

    weights: Weights
    sites: dict[str, str]
    facts: dict[str, float]
    members: tuple[str, ...]
    """The sites of the job's first sum."""


class Sums:
    """Sums the sites' updates; the aggregator sees no site's own."""

    def __init__(
        self, job: str, roster: Roster, round_s: float, quorum: int, clock: Callable[[], float] = time.time
    ) -> None:
        self._job = job
        self._roster = roster
        self._round_s = round_s
        self._quorum = quorum
        self._clock = clock
        self._attempt = 0

    def round(
        self,
        grid: GuardedGrid,
        number: int,
        weights: Weights,
        config: Config,
        online: list[int],
        members: tuple[str, ...],
    ) -> Summed:
        """Return `weights` with the mean of the sites' updates. Raises NotEnoughSites where a round gives nothing."""
        nodes = {grid.name_of(node): node for node in online}
        names = tuple(sorted(name for name in nodes if not members or name in members))
        layout = Layout.of(weights, METRICS)
        self._attempt = max(self._attempt + 1, int(self._clock()))  # rises over restarts and within a second
        setup = Setup(
            Sid(self._job, number, self._attempt),
            names,
            self._roster,
            binding(weights, config, METRICS),
            layout.words,
            least=max(self._quorum, 3),
            fixed=members,
        )
        step: Asking | Stopped | Total = begin(setup)
        while isinstance(step, Asking):
            step = take(step, self._ask(grid, step, nodes, weights, config))
        sites = {name: step.faults.get(name, "no answer in time") for name in names}
        if isinstance(step, Stopped):
            why = "; ".join(f"{name}: {said}" for name, said in sorted(step.faults.items()))
            message = f"round {number} gave no sum, in stage {step.stage}: {step.reason}{f' ({why})' if why else ''}"
            raise NotEnoughSites(message, hope=True)
        found = layout.average(weights, step.vector)
        if isinstance(found, Refused):
            message = f"round {number} gave no sum: {found.reason}"
            raise NotEnoughSites(message)
        sites |= dict.fromkeys(step.survivors, "ok")
        return Summed(checked(found.arrays), sites, found.metrics, members or step.survivors)

    def _ask(
        self, grid: GuardedGrid, step: Asking, nodes: Mapping[str, int], weights: Weights, config: Config
    ) -> dict[str, bytes]:
        """Send a stage's messages and return the replies by the site that sent them."""
        messages = []
        for name, data in step.asks.items():
            arrays = {records.ARRAYS: weights} if step.stage == MASKED else {}
            content = records.content(config, **arrays)
            content[DATA] = ConfigRecord({"data": data})
            messages.append(Message(content, nodes[name], f"train.{step.stage}"))
        within = self._round_s if step.stage == MASKED else min(self._round_s, BETWEEN_S)
        found: dict[str, bytes] = {}
        for reply in grid.send_and_receive(messages, timeout=within):
            name = grid.name_of(reply.metadata.src_node_id)
            said = None if reply.has_error() or not name else data_of(reply)
            if said is not None:
                found[name] = said
        return found


def data_of(message: Message) -> bytes | None:
    """Return the protocol's bytes in a message, None where it has none."""
    record = message.content.config_records.get(DATA)
    data = record.get("data") if record is not None else None
    return data if isinstance(data, bytes) else None
