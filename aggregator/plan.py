"""What a job asks for, checked before anything is started; the same text goes to the ServerApp and to every site."""

import math
import re
from collections.abc import Mapping
from typing import Final, Literal, get_args

import msgspec

from deepsentry import wire
from deepsentry.errors import FederationError
from models.private import Unit

StrategyName = Literal["fedavg", "fedprox", "fedadam", "fedmedian", "krum"]
STRATEGIES: Final[tuple[StrategyName, ...]] = get_args(StrategyName)
ROBUST: Final[frozenset[StrategyName]] = frozenset({"fedmedian", "krum"})
"""They look at each site's weights, so they cannot be had together with secure aggregation."""
UNITS: Final[dict[Unit, str]] = {"sequence": "one sequence", "key": "all sequences of one key"}
"""What the noise hides, in words."""
MOST_SITES: Final = 100
_EVERY: Final = re.compile(r"([1-9][0-9]{0,3})([mhd])")
_UNIT: Final = {"m": 60, "h": 3600, "d": 86_400}
_LEAST_RATE: Final = 0.05
"""Share of the learning rate that is left in the last round."""


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a job runs; the defaults are meant to hold everywhere."""

    sites: str = ""
    """Names, comma-separated; empty: every enrolled site."""
    rounds: int = 15
    encoder_rounds: int = 2
    """Rounds before these, in which the encoder's dense layer learns."""
    steps: int = 100
    """Batches that a site trains on in a round, at most."""
    rate: float = 4e-3
    """Learning rate of the first round; it falls to a twentieth along a cosine."""
    strategy: StrategyName = "fedavg"
    mu: float = 0.01
    """FedProx: how strongly a site is held to the weights that came."""
    server_rate: float = 0.01
    """FedAdam: learning rate of the aggregator."""
    dishonest: int = 1
    """Krum: how many sites may lie."""
    quorum: int = 0
    """Sites that must be online, and answer; 0: two thirds of the job's, at least two."""
    wait_s: float = 120.0
    """Seconds for the quorum to come online."""
    round_s: float = 600.0
    """Seconds for the answers of a round."""
    floor: float = 0.6
    """Gate: least AUC, of the weighted mean and of the worst site."""
    tolerance: float = 0.02
    """Gate: by how much the weighted mean may lie below that of the current version."""
    secure: bool = False
    """Whether the aggregator learns the sum of the sites' weights only."""
    noise: float = 0.0
    """Differential privacy: noise multiplier of each site's training; 0: none."""
    unit: Unit = "sequence"
    """With noise: what it hides, one sequence or all sequences of one key; sites that count otherwise take no part."""
    seed: int = 0
    every: str = ""
    """Repeat: 12h, 7d; empty: once."""


LIMITS: Final[dict[str, tuple[float, float]]] = {
    "rounds": (1, 200),
    "encoder_rounds": (0, 20),
    "steps": (1, 5000),
    "rate": (1e-6, 0.1),
    "mu": (0, 100),
    "server_rate": (1e-6, 1),
    "dishonest": (0, MOST_SITES),
    "quorum": (0, MOST_SITES),
    "wait_s": (1, 86_400),
    "round_s": (5, 86_400),
    "floor": (0, 1),
    "tolerance": (0, 1),
    "noise": (0, 100),
    "seed": (0, 2**31),
}


def parse(parameters: Mapping[str, object]) -> Plan:
    """Return the plan in a job's parameters. Raises FederationError with the field and the remedy."""
    known = set(Plan.__struct_fields__)
    if unknown := sorted(set(parameters) - known):
        message = f"{unknown[0][:40]!r} is no parameter of a federation; there are {', '.join(sorted(known))}"
        raise FederationError(message)
    try:
        plan = msgspec.convert(dict(parameters), Plan, strict=False)
    except msgspec.ValidationError as error:
        message = f"parameters of the federation: {error}"
        raise FederationError(message) from None
    for name, (least, most) in LIMITS.items():
        value = getattr(plan, name)
        if not (math.isfinite(value) and least <= value <= most):
            message = f"{name} is {value:g}; it must be {least:g} to {most:g}"
            raise FederationError(message)
    if plan.secure and plan.strategy in ROBUST:
        message = f"strategy {plan.strategy} looks at each site's weights; with secure aggregation take fedavg"
        raise FederationError(message)
    every(plan.every)
    names = names_of(plan)
    if len(names) > MOST_SITES or len(set(names)) < len(names):
        message = f"sites names {len(names)} sites; at most {MOST_SITES}, each once"
        raise FederationError(message)
    return plan


def every(text: str) -> int:
    """Return the seconds in 30m, 12h or 7d; 0 for nothing. Raises FederationError for anything else."""
    if not text:
        return 0
    found = _EVERY.fullmatch(text)
    if found is None:
        message = f"every is {text[:20]!r}; write 30m, 12h or 7d"
        raise FederationError(message)
    return int(found[1]) * _UNIT[found[2]]


def names_of(plan: Plan) -> tuple[str, ...]:
    """Return the sites that a plan names."""
    return tuple(name.strip() for name in plan.sites.split(",") if name.strip())


def quorum_of(plan: Plan, sites: int) -> int:
    """Return how many of the job's sites must answer."""
    return plan.quorum or max(2, math.ceil(2 * sites / 3))


def rate_of(plan: Plan, round_: int) -> float:
    """Return the learning rate of a round of the sequence network, counted from 1 behind those of the encoder."""
    done = (round_ - 1) / plan.rounds
    return plan.rate * (_LEAST_RATE + (1 - _LEAST_RATE) * (1 + math.cos(math.pi * done)) / 2)


class Assignment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that a ServerApp is told, beside what stands in the home of the aggregator."""

    job: str
    model: str
    plan: Plan
    members: dict[str, int]
    """Site -> node id; fixed for the job."""
    home: str
    """Folder of the job, on the aggregator's host."""


def to_text(assignment: Assignment) -> str:
    """Return an assignment as the one string that a run's configuration may carry."""
    return wire.encode(assignment).decode()


def from_text(text: str) -> Assignment:
    """Return the assignment in a run's configuration. Raises WireError."""
    return wire.decode(Assignment, text.encode())
