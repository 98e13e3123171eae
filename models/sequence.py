"""The sequence view: a next-statement LSTM in numpy, and how surprising each line is where lines may interleave."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

UNITS: Final = 64
MOST_SURPRISE: Final = 40.0
"""Nats; what no template of the version can be."""


@dataclass(frozen=True, slots=True)
class Network:
    """The weights of the LSTM; none of them depends on the templates of a site. Gates in Keras's order: i, f, c, o."""

    kernel: NDArray[np.float32]
    """[WIDTH, 4 UNITS]"""
    recurrent: NDArray[np.float32]
    """[UNITS, 4 UNITS]"""
    bias: NDArray[np.float32]
    query: NDArray[np.float32]
    """[UNITS, WIDTH]: what is expected next, in the encoder's space."""
    query_bias: NDArray[np.float32]
    key: NDArray[np.float32]
    """[WIDTH, WIDTH]: projection of the templates that the query is compared with."""
    start: NDArray[np.float32]
    """[WIDTH]: stands before a session."""
    cut: NDArray[np.float32]
    """[WIDTH]: stands before a sequence that has no beginning of its own."""
    end: NDArray[np.float32]
    """[WIDTH]: the key of the end mark."""


@dataclass(frozen=True, slots=True)
class Walk:
    """A sequence to be walked: rows of the input table, and whether it begins by itself."""

    rows: tuple[int, ...]
    begins: bool


class Model:
    """The network bound to the templates known at a site, with everything that does not depend on state precomputed."""

    def __init__(self, network: Network, vectors: Array, normal: NDArray[np.bool_]) -> None:
        """Take vectors [templates, WIDTH]; templates that are not `normal` are never expected."""
        self.templates = len(vectors)
        self.recurrent = network.recurrent.astype(np.float64)
        self._kernel = network.kernel.astype(np.float64)
        self._bias = network.bias.astype(np.float64)
        marks = np.stack([network.start, network.cut]).astype(np.float64)
        self.inputs = np.concatenate([vectors, marks]) @ self._kernel + self._bias
        keys = np.concatenate([vectors @ network.key.astype(np.float64), network.end[None].astype(np.float64)])
        self.out = network.query.astype(np.float64) @ keys.T
        self.out_bias = network.query_bias.astype(np.float64) @ keys.T
        self.out_bias[:-1][~normal] = -1e9

    @property
    def end(self) -> int:
        """Column of the end mark in what `expect` returns."""
        return self.templates

    def expect(self, walks: Sequence[Walk]) -> list[Array]:
        """Return log-probabilities [steps + 1, templates + 1] for each walk; row t is what was expected at place t."""
        order = sorted(range(len(walks)), key=lambda i: -len(walks[i].rows))
        lengths = np.array([len(walks[i].rows) + 1 for i in order])
        steps = int(lengths[0])
        rows = np.zeros((len(walks), steps), np.int64)
        for row, i in enumerate(order):
            rows[row, 0] = self.templates if walks[i].begins else self.templates + 1
            rows[row, 1 : lengths[row]] = walks[i].rows
        state = np.zeros((len(walks), UNITS))
        cell = np.zeros((len(walks), UNITS))
        out = np.empty((steps, len(walks), UNITS))
        for step in range(steps):
            live = int((lengths > step).sum())
            gates = self.inputs[rows[:live, step]] + state[:live] @ self.recurrent
            opened = 1.0 / (1.0 + np.exp(-gates))
            cell = opened[:, UNITS : 2 * UNITS] * cell[:live] + opened[:, :UNITS] * np.tanh(
                gates[:, 2 * UNITS : 3 * UNITS]
            )
            state = opened[:, 3 * UNITS :] * np.tanh(cell)
            out[step, :live] = state
        found: list[Array] = [np.empty(0)] * len(walks)
        for row, i in enumerate(order):
            logits = out[: lengths[row], row] @ self.out
            logits += self.out_bias
            logits -= logits.max(1, keepdims=True)
            logits -= np.log(np.exp(logits).sum(1, keepdims=True))
            found[i] = logits
        return found


def usual_shares(sequences: Sequence[Sequence[int]], ends: int, templates: int) -> Array:
    """Return the log of each template's share of all lines and ends of training sequences, the end's share last."""
    count = np.full(templates + 1, 0.5)
    for sequence in sequences:
        np.add.at(count, np.asarray(sequence, np.int64), 1.0)
    count[-1] += ends
    shares: Array = np.log(count / count.sum())
    return shares


def surprises(expected: Array, usual: Array, templates: Sequence[int], tolerance: int, *, ended: bool) -> Array:
    """Return the surprise in nats of each line, and of the end where the sequence `ended`.

    Surprise is how much less probable a line is at its place than anywhere (`usual`, its log share of all lines):
    that a statement is rare is for the profile to judge, not for its order.
    A line may come up to `tolerance` places early or late, as threads interleave: its surprise is the least within
    that distance. The end has no tolerance. A template without a column (never seen) is not surprising here. In an
    unfinished sequence the last `tolerance` lines are not judged yet, because what would excuse them may still come.
    """
    length = len(templates)
    end = expected.shape[1] - 1
    events = np.array([t if 0 <= t < end else -1 for t in templates], np.int64)
    judged = length if ended else max(length - tolerance, 0)
    out = np.zeros(judged + ended)
    if judged:
        rows = np.maximum(events[:judged], 0)
        grid = usual[rows] - expected[:, rows]
        places = np.arange(judged)
        best = grid[places, places]
        for shift in range(1, tolerance + 1):
            later = places + shift <= length
            best[later] = np.minimum(best[later], grid[places[later] + shift, places[later]])
            earlier = places >= shift
            best[earlier] = np.minimum(best[earlier], grid[places[earlier] - shift, places[earlier]])
        out[:judged] = np.where(events[:judged] >= 0, best, 0.0)
    if ended:
        out[-1] = usual[end] - expected[length, end]
    return np.clip(out, 0.0, MOST_SURPRISE)


def strongest(surprise: Array, lines: int) -> float:
    """Return the sum of the `lines` greatest surprises: a rare branch is one odd line, a wrong order several."""
    return float(np.sort(surprise)[-lines:].sum()) if len(surprise) else 0.0
