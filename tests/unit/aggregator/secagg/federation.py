"""Sites and a server in one process: real bytes between them, and every place where one may drop out or lie."""

import functools
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from cryptography.hazmat.primitives.asymmetric import ec
from numpy.typing import NDArray

from aggregator.secagg import (
    STAGES,
    Asking,
    Layout,
    Member,
    Refused,
    Roster,
    Setup,
    Sid,
    Standing,
    Stopped,
    Terms,
    Total,
    Work,
    answer,
    begin,
    binding,
    take,
)
from aggregator.secagg.primitives import Random

Arrays = dict[str, NDArray[np.float32]]
Tamper = Callable[[str, str, bytes], bytes | None]
"""(stage, site, message) -> what arrives instead; None: nothing."""

METRICS = ("loss",)
CONFIG = {"epochs": 2, "rate": 0.01}
P384 = 2**384 - 2**128 - 2**96 + 2**32 - 1


def names(count: int) -> tuple[str, ...]:
    return tuple(f"site{i:02d}" for i in range(count))


@functools.cache
def key_of(name: str) -> ec.EllipticCurvePrivateKey:
    """The same key for a name in every run, so that vectors can be recorded."""
    secret = int.from_bytes(hashlib.sha384(b"test key of " + name.encode()).digest()) % (P384 >> 1) + 1
    return ec.derive_private_key(secret, ec.SECP384R1())


@functools.cache
def roster_of(sites: tuple[str, ...]) -> Roster:
    return Roster({name: key_of(name).public_key() for name in sites})


def stream(seed: str) -> Random:
    """Bytes that look random and are the same in every run."""
    state = [0]

    def random(count: int) -> bytes:
        state[0] += 1
        return hashlib.shake_256(f"{seed}:{state[0]}".encode()).digest(count)

    return random


def model() -> Arrays:
    return {"kernel": np.arange(12, dtype=np.float32).reshape(3, 4) / 7, "bias": np.zeros(4, np.float32)}


@dataclass
class Site:
    """A site as its agent holds it: one standing, replaced after every message."""

    member: Member
    weight: float
    update: Arrays
    loss: float = 0.5
    random: Random = os.urandom
    standing: Standing = field(default_factory=Standing)
    refusals: list[str] = field(default_factory=list)
    trained: int = 0

    def reply(self, stage: str, ask: bytes, arrays: Arrays, config: Mapping[str, float]) -> bytes | None:
        layout = Layout.of(arrays, METRICS)

        def contribute() -> NDArray[np.float64] | Refused:
            self.trained += 1
            after = {name: arrays[name] + self.update[name] for name in arrays}
            return layout.vector(arrays, after, self.weight, {"loss": self.loss})

        work = Work(binding(arrays, config, METRICS), contribute) if stage == "masked" else None
        done = answer(self.member, self.standing, stage, ask, self.random, work)
        self.standing = done.standing
        if isinstance(done.outcome, Refused):
            self.refusals.append(done.outcome.reason)
            return None
        return done.outcome


DEFAULT = Terms()


def sites(count: int, terms: Terms = DEFAULT, seed: int = 0) -> dict[str, Site]:
    rng = np.random.default_rng(seed)
    roster = roster_of(names(count))
    return {
        name: Site(
            Member(name, key_of(name), roster, terms),
            weight=float(rng.integers(1, 500)),
            update={key: rng.normal(0, 0.3, a.shape).astype(np.float32) for key, a in model().items()},
            loss=float(rng.uniform(0, 3)),
            random=stream(f"{seed}{name}"),
        )
        for name in names(count)
    }


@dataclass
class Wire:
    """What stands between server and sites, and may drop or change what passes."""

    members: Mapping[str, Site]
    arrays: Arrays = field(default_factory=model)
    lost: Mapping[str, str] = field(default_factory=dict)
    """Site -> stage before whose reply it is killed, secrets and all."""
    down: Tamper = lambda _stage, _site, data: data
    up: Tamper = lambda _stage, _site, data: data
    sent: Callable[[str], tuple[Arrays, Mapping[str, float]]] | None = None
    """Site -> model and configuration that it gets, where not all get the same."""
    steps: list[Asking] = field(default_factory=list)

    def carry(self, step: Asking) -> dict[str, bytes]:
        self.steps.append(step)
        return dict(self._replies(step))

    def _replies(self, step: Asking) -> Iterator[tuple[str, bytes]]:
        for name, ask in step.asks.items():
            if name in self.lost and STAGES.index(step.stage) >= STAGES.index(self.lost[name]):  # type: ignore[arg-type]
                continue
            arrays, config = self.sent(name) if self.sent else (self.arrays, CONFIG)
            shown = self.down(step.stage, name, ask)
            reply = None if shown is None else self.members[name].reply(step.stage, shown, arrays, config)
            changed = None if reply is None else self.up(step.stage, name, reply)
            if changed is not None:
                yield name, changed

    def run(self, setup: Setup) -> Stopped | Total:
        step = begin(setup)
        while isinstance(step, Asking):
            step = take(step, self.carry(step))
        return step


def setup(members: Mapping[str, Site], **changes: object) -> Setup:
    layout = Layout.of(model(), METRICS)
    given = {
        "sid": Sid("job", 1),
        "sites": tuple(members),
        "roster": roster_of(tuple(members)),
        "binding": binding(model(), CONFIG, METRICS),
        "words": layout.words,
        **changes,
    }
    return Setup(**given)  # type: ignore[arg-type]


def plain(members: Mapping[str, Site], survivors: tuple[str, ...]) -> tuple[dict[str, NDArray[np.float64]], float]:
    """FedAvg of those sites in the clear: the arrays and the mean loss."""
    weights = {name: members[name].weight for name in survivors}
    total = sum(weights.values())
    arrays = {
        key: array.astype(np.float64)
        + sum(weights[n] * members[n].update[key].astype(np.float64) for n in survivors) / total
        for key, array in model().items()
    }
    return arrays, sum(weights[n] * members[n].loss for n in survivors) / total


def same_as_plain(found: Stopped | Total, members: Mapping[str, Site]) -> None:
    assert isinstance(found, Total), found
    average = Layout.of(model(), METRICS).average(model(), found.vector)
    assert not isinstance(average, Refused)
    arrays, loss = plain(members, found.survivors)
    for key, array in arrays.items():
        np.testing.assert_allclose(average.arrays[key], array, rtol=0, atol=1e-6)
    assert abs(average.metrics["loss"] - loss) < 1e-6
    assert abs(average.weight - sum(members[n].weight for n in found.survivors)) < 1e-6
