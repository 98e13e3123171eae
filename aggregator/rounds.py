"""The rounds of a job: ask every site, take what can be taken, make one set of weights, keep it."""

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from flwr.app import Message
from flwr.serverapp.strategy import FedAdam, FedAvg

from aggregator import records
from aggregator.guard import TRIES, GuardedGrid
from aggregator.keeping import JobFolder, Kept
from aggregator.plan import Assignment, Plan, rate_of
from aggregator.secure import Sums
from aggregator.strategies import strategy_of
from deepsentry.errors import DeepSentryError
from models.shared import Weights, base_digest, checked, digest, initial

ENCODER: Final = "encoder"
SEQUENCE: Final = "sequence"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a round gave."""

    weights: Weights
    sites: dict[str, str]
    """Site -> ok, or why it did not count."""
    facts: dict[str, float]
    by_site: dict[str, dict[str, float]] = field(default_factory=dict)
    members: tuple[str, ...] = ()


class Rounds:
    """Runs what is left of a job's rounds."""

    def __init__(
        self,
        assignment: Assignment,
        grid: GuardedGrid,
        quorum: int,
        folder: JobFolder,
        sums: Sums | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._assignment = assignment
        self._plan = assignment.plan
        self._grid = grid
        self._folder = folder
        self._sums = sums
        self._clock = clock
        self._strategy = strategy_of(self._plan, quorum)

    def run(self, start: Weights | None) -> Weights:
        """Go on behind the last round that was kept, from `start` or fresh weights; return those of the last round.

        Raises NotEnoughSites where too few sites are there or answer.
        """
        plan, last = self._plan, self._folder.last()
        weights = last[1] if last else (start or initial(plan.seed))
        done = last[0].round if last else 0
        members = last[0].members if last else ()
        total = plan.encoder_rounds + plan.rounds
        for number in range(done + 1, total + 1):
            began = self._clock()
            ask = functools.partial(self._round, number, weights, members)
            outcome = self._grid.again(ask, self._waiting, members, 1 if plan.noise else TRIES)  # noise costs each time
            weights, members = outcome.weights, outcome.members
            seconds = round(self._clock() - began, 2)
            kept = Kept(
                number,
                phase_of(plan, number),
                digest(weights),
                outcome.sites,
                outcome.facts,
                outcome.by_site,
                seconds,
                members,
            )
            self._folder.keep(kept, weights)
            counted = sum(said == "ok" for said in outcome.sites.values())
            facts: dict[str, str | int | float | bool] = {"round": number, "sites": counted, "seconds": seconds}
            facts |= {name: round(value, 4) for name, value in outcome.facts.items()}
            facts |= {f"site.{name}": said[:80] for name, said in outcome.sites.items()}
            self._folder.tell("running", f"round {number} of {total} is over", number, total, facts)
        self._folder.tell("aggregated", f"all {total} rounds are over", total, total)
        return weights

    def _waiting(self, why: str, online: int, need: int) -> None:
        self._folder.tell("waiting_sites", why or f"{online} of {need} sites needed are online", online, need)

    def _round(
        self, number: int, weights: Weights, members: tuple[str, ...], online: list[int], attempt: int
    ) -> Outcome:
        config = config_of(self._assignment, number, len(online), attempt)
        if self._sums is not None:
            summed = self._sums.round(self._grid, number, weights, config, online, members)
            return Outcome(summed.weights, summed.sites, summed.facts, {}, summed.members)
        messages = [Message(records.content(config, arrays=weights), node, "train") for node in online]
        replies = self._grid.send_and_receive(messages, timeout=self._plan.round_s)
        good, sites, by_site = sort_out(self._grid, online, replies)
        self._grid.check(len(good), len(online), replies)
        after = _aggregate(self._strategy, number, weights, good)
        return Outcome(after, sites, means(list(by_site.values())), by_site)


def phase_of(plan: Plan, number: int) -> str:
    """Return what is trained in a round."""
    return ENCODER if number <= plan.encoder_rounds else SEQUENCE


def config_of(assignment: Assignment, number: int, sites: int, attempt: int = 1) -> dict[str, str | int | float | bool]:
    """Return what a site is told of a round."""
    plan = assignment.plan
    phase = phase_of(plan, number)
    encoder = phase == ENCODER
    return {
        "job": assignment.job,
        "round": number,
        "rounds": plan.encoder_rounds + plan.rounds,
        "attempt": attempt,
        "phase": phase,
        "steps": plan.steps,
        "rate": 2e-3 if encoder else rate_of(plan, number - plan.encoder_rounds),
        "mu": plan.mu if plan.strategy == "fedprox" and not encoder else 0.0,
        "noise": plan.noise,
        "unit": plan.unit,
        "seed": plan.seed + number,
        "sites": sites,
        "secure": plan.secure,
        "base": base_digest(),
    }


def sort_out(
    grid: GuardedGrid, asked: list[int], replies: list[Message]
) -> tuple[list[Message], dict[str, str], dict[str, dict[str, float]]]:
    """Return the replies that can be taken, what became of each site, and what each told."""
    sites = dict.fromkeys((grid.name_of(node) for node in asked), "no answer in time")
    good: list[Message] = []
    by_site: dict[str, dict[str, float]] = {}
    for reply in replies:
        name = grid.name_of(reply.metadata.src_node_id)
        if reply.has_error():
            if name:
                sites[name] = f"error {reply.error.code}: {(reply.error.reason or '')[:100]}"
            continue
        try:
            weights, by_site[name] = records.trained(reply)
        except DeepSentryError as error:
            sites[name] = f"refused: {error}"
            continue
        sites[name] = "ok"
        # Flower ends the run where sites tell different numbers, and what a site tells is its own affair
        reply.content = records.weighed(weights, by_site[name][records.WEIGHT])
        good.append(reply)
    return good, sites, by_site


def _aggregate(strategy: FedAvg, number: int, weights: Weights, good: list[Message]) -> Weights:
    """Return the weights that the rule makes of the replies."""
    before = dict(weights)
    if isinstance(strategy, FedAdam):
        strategy.current_arrays = before
    arrays, _ = strategy.aggregate_train(number, good)
    if arrays is None:
        message = "the strategy gave no weights"
        raise DeepSentryError(message)
    return checked({name: array.numpy() for name, array in records.cast(arrays).items()})


def means(told: list[records.Facts]) -> dict[str, float]:
    """Return the means over the sites that tell a number, weighted by their examples."""
    found: dict[str, float] = {}
    for name in sorted({name for facts in told for name in facts} - {records.WEIGHT}):
        mine = [facts for facts in told if name in facts]
        total = sum(facts[records.WEIGHT] for facts in mine)
        found[name] = sum(facts[name] * facts[records.WEIGHT] for facts in mine) / total
    return found
