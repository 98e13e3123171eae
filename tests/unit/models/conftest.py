from collections.abc import Callable

import numpy as np
import pytest

from models.artifact import TrainedVersion
from models.prepare import LoggedSequence
from models.training import TrainingOptions, train

START = 1_700_000_000.0


def visits(count: int, seed: int = 0, start: float = START) -> list[LoggedSequence]:
    """Requests of a small service: two kinds, one with an optional step, ten seconds apart."""
    rng = np.random.default_rng(seed)
    found = []
    for i in range(count):
        number = int(rng.integers(1000, 9999))
        if rng.random() < 0.5:
            lines = [f"request {number} opened", f"cart {number} loaded with {i} items", f"item {i} added to basket"]
            if rng.random() < 0.4:
                lines.append(f"voucher accepted for {number}")
            lines.append(f"request {number} answered in {i} ms")
        else:
            lines = [
                f"request {number} opened",
                f"stock reserved in warehouse {i}",
                f"card charged under {number}",
                f"parcel label {i} printed",
                f"request {number} answered in {i} ms",
            ]
        at = start + 10.0 * i
        times = tuple(at + 0.1 * k for k in range(len(lines)))
        found.append(LoggedSequence(f"r{i}", "session", at, times[-1], tuple(lines), complete=True, times=times))
    return found


def silent(_stage: str, _done: int, _total: int) -> None:
    """Hear no progress."""


@pytest.fixture(scope="session")
def trained() -> TrainedVersion:
    options = TrainingOptions(budget=100.0, encoder_steps=40, key_pattern="request ([0-9]+)")
    return train(visits(400), options, silent)


@pytest.fixture(scope="session")
def visits_of() -> Callable[..., list[LoggedSequence]]:
    return visits
