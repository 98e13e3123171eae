"""Secure aggregation at a site: its keys and what it remembers on disk, a running round's secrets in memory only."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aggregator.records import WEIGHT, Facts
from aggregator.secagg import (
    Layout,
    Member,
    Refused,
    Standing,
    Terms,
    Work,
    answer,
    binding,
    load_memory,
    read_roster,
    save_memory,
    signing_key,
)
from aggregator.secure import METRICS
from models.shared import Weights


class Masks:
    """Answers the five stages."""

    def __init__(self, member: Member, memory: Path) -> None:
        self._member = member
        self._path = memory
        self._standing = Standing(load_memory(memory))

    @classmethod
    def of(cls, name: str, key: Path, roster: Path, memory: Path, terms: Terms) -> "Masks":
        """Return the masks of a site from its files. Raises DataError."""
        return cls(Member(name, signing_key(key.read_bytes()), read_roster(roster), terms), memory)

    def answer(self, stage: str, data: bytes, work: Work | None = None) -> bytes | str:
        """Return the reply's bytes, or why there is none."""
        done = answer(self._member, self._standing, stage, data, os.urandom, work)
        save_memory(self._path, done.standing.memory)  # before the reply leaves
        self._standing = done.standing
        return done.outcome.reason if isinstance(done.outcome, Refused) else done.outcome

    def contribute(
        self,
        data: bytes,
        weights: Weights,
        config: Mapping[str, object],
        learn: Callable[[], tuple[Weights, Facts]],
    ) -> bytes | str:
        """Answer stage "masked"; nothing is trained before all that came was found in order."""
        layout = Layout.of(weights, METRICS)
        plain = {name: value for name, value in config.items() if isinstance(value, (bool, int, float, str))}

        def vector() -> NDArray[np.float64] | Refused:
            after, facts = learn()
            return layout.vector(weights, after, facts[WEIGHT], {name: facts.get(name, 0.0) for name in METRICS})

        return self.answer("masked", data, Work(binding(weights, plain, METRICS), vector))
