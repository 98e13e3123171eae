"""The LSTM over sequences that begin alike: each beginning is walked once, remembered, and the scores are exact.

Most sequences repeat the beginnings of others. A beginning is a node of a tree; with it stand the state behind it and
the normaliser of what is expected next, so a sequence costs a look-up a line, and the network only what is new.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.sequence import MOST_SURPRISE, UNITS, Array, Model, Walk

MOST_NODES: Final = 65_536
"""Beginnings that are remembered, 0.5 KiB each; when they are full, all are forgotten."""
_BLOCK: Final = 16
"""Rows of every matrix product: with one shape for all, a score does not depend on what is judged beside it."""
_TOGETHER: Final = 1024
_FAR: Final = 80.0
"""The exponential of so much, and of as much below zero, is a float32."""
_ALIGNED: Final = 16
"""Columns are filled up to a multiple of so many: a product of 1,240 costs twice as much as one of 1,248 (measured)."""
_NEVER: Final = -1e9
_ROOTS: Final = 2

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]


class Prefixes:
    """Walks sequences through a `Model`; use one instance from one thread."""

    def __init__(self, model: Model, usual: Array, most: int = MOST_NODES) -> None:
        """Take the log shares of all templates and of the end, `usual`, as `surprises` does."""
        self._most = most
        self._width = model.templates + _ROOTS
        self._end = model.end
        gates = np.full(4 * UNITS, 0.5)
        gates[2 * UNITS : 3 * UNITS] = 1.0  # sigmoid(x) is (1 + tanh(x / 2)) / 2, so one tanh serves all four gates
        self._inputs: Floats = (model.inputs * gates).astype(np.float32)
        self._recurrent: Floats = (model.recurrent * gates).astype(np.float32)
        known = np.flatnonzero(model.out_bias > 0.1 * _NEVER)
        self._out, self._shift, self._balanced = _balanced(model.out[:, known], model.out_bias[known])
        self._ones: Floats = np.ones(self._out.shape[1], np.float32)
        self._none: Floats = np.zeros(_BLOCK, np.float32)
        self._columns: Floats = np.ascontiguousarray(model.out.T, np.float32)
        self._column_bias: Floats = model.out_bias.astype(np.float32)
        self._usual = usual
        self._state: Floats = np.zeros((most + 1, UNITS), np.float32)  # the last row is that before everything
        self._cell: Floats = np.zeros((most + 1, UNITS), np.float32)
        self._total: Floats = np.zeros(most, np.float32)
        """Logarithm of the sum of what is expected next, unnormalised."""
        self._children: dict[int, int] = {}
        self._used = 0

    def __len__(self) -> int:
        """Return how many beginnings are remembered."""
        return self._used

    def strongest(self, walks: Sequence[Walk], ended: Sequence[bool], tolerance: int, lines: int) -> list[float]:
        """Return for each walk the sum of its `lines` greatest surprises, as `surprises` and `strongest` define them.

        All but the last digits agree with `Model.expect`: here it is float32.
        """
        found: list[float] = []
        first = cells = 0
        for i, walk in enumerate(walks):
            cells += len(walk.rows) + 1
            if cells > self._most // 4 or i + 1 - first >= _TOGETHER:
                found.extend(self._summed(walks[first : i + 1], ended[first : i + 1], tolerance, lines))
                first, cells = i + 1, 0
        found.extend(self._summed(walks[first:], ended[first:], tolerance, lines))
        return found

    def expect(self, walk: Walk) -> Array:
        """Return what `Model.expect` gives for one walk, in float32's digits, from what is remembered of it."""
        nodes = self._paths([walk])
        logits = self._state[nodes] @ self._columns.T + self._column_bias
        return logits.astype(np.float64) - self._total[nodes, None]

    def _summed(self, walks: Sequence[Walk], ended: Sequence[bool], tolerance: int, lines: int) -> list[float]:
        if not walks:
            return []
        paths = np.array(self._paths(walks), np.int64)
        lengths = np.array([len(walk.rows) for walk in walks])
        rows = np.array([row for walk in walks for row in walk.rows], np.int64)
        finished = np.array(ended, np.bool_)
        owner = np.repeat(np.arange(len(walks)), lengths)
        place = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        at = np.arange(len(rows)) + owner  # a path has one node more than lines
        judged = np.flatnonzero(finished[owner] | (place < lengths[owner] - tolerance))
        owner, place, at, rows = owner[judged], place[judged], at[judged], rows[judged]
        best = np.full(len(rows), np.inf)
        for shift in range(-tolerance, tolerance + 1):
            near = np.flatnonzero((place + shift >= 0) & (place + shift <= lengths[owner]))
            best[near] = np.minimum(best[near], self._surprise(paths[at[near] + shift], rows[near]))
        grid = np.zeros((len(walks), int(lengths.max()) + 1 + lines))
        grid[owner, place] = best
        last = np.flatnonzero(finished)
        behind = paths[np.cumsum(lengths + 1)[last] - 1]
        grid[last, lengths[last]] = self._surprise(behind, np.full(len(last), self._end))
        np.clip(grid, 0.0, MOST_SURPRISE, out=grid)
        found: list[float] = np.sort(np.partition(grid, -lines, axis=1)[:, -lines:], axis=1).sum(1).tolist()
        return found

    def _surprise(self, nodes: Ids, columns: Ids) -> Array:
        """Return how much less probable templates are behind `nodes` than anywhere."""
        logits = np.einsum("ij,ij->i", self._state[nodes], self._columns[columns]) + self._column_bias[columns]
        surprise: Array = self._usual[columns] - (logits - self._total[nodes])
        return surprise

    def _paths(self, walks: Sequence[Walk]) -> list[int]:
        """Return the nodes of each walk, one after the other; what was never walked is walked now."""
        if self._used + sum(len(walk.rows) for walk in walks) > self._most or not self._used:
            self._children.clear()
            self._used = _ROOTS
            self._step([0, 1], [-1, -1], [self._width - 2, self._width - 1])
            self._normalise(np.arange(_ROOTS))
        children, width, first = self._children, self._width, self._used
        paths: list[int] = []
        parents: list[int] = []
        rows: list[int] = []
        for walk in walks:
            node = 0 if walk.begins else 1
            paths.append(node)
            for row in walk.rows:
                key = node * width + row
                child = children.get(key)
                if child is None:
                    child = children[key] = first + len(parents)
                    parents.append(node)
                    rows.append(row)
                node = child
                paths.append(node)
        self._used = first + len(parents)
        self._grow(first, parents, rows)
        return paths

    def _grow(self, first: int, parents: list[int], rows: list[int]) -> None:
        """Walk from `parents` to the nodes `first`, `first` + 1, ...: level by level, as one needs the one before."""
        levels: list[list[int]] = []
        level: list[int] = []
        for new, parent in enumerate(parents):
            depth = level[parent - first] + 1 if parent >= first else 0
            level.append(depth)
            if depth == len(levels):
                levels.append([])
            levels[depth].append(new)
        for each in levels:
            self._step([first + new for new in each], [parents[new] for new in each], [rows[new] for new in each])
        if parents:
            self._normalise(np.arange(first, self._used))

    def _step(self, nodes: list[int], parents: list[int], rows: list[int]) -> None:
        for begin in range(0, len(nodes), _TOGETHER):
            part = slice(begin, begin + _TOGETHER)
            gates = _product(self._state[parents[part]], self._recurrent)
            gates += self._inputs[rows[part]]
            np.tanh(gates, out=gates)
            opened = 0.5 * gates + np.float32(0.5)
            cell = opened[:, UNITS : 2 * UNITS] * self._cell[parents[part]]
            cell += opened[:, :UNITS] * gates[:, 2 * UNITS : 3 * UNITS]
            self._cell[nodes[part]] = cell
            self._state[nodes[part]] = opened[:, 3 * UNITS :] * np.tanh(cell)

    def _normalise(self, nodes: Ids) -> None:
        block = np.zeros((_BLOCK, UNITS + 1), np.float32)
        block[:, UNITS] = 1.0  # takes the bias
        logits = np.empty((_BLOCK, len(self._ones)), np.float32)
        for begin in range(0, len(nodes), _BLOCK):
            mine = nodes[begin : begin + _BLOCK]
            block[: len(mine), :UNITS] = self._state[mine]
            np.matmul(block, self._out, out=logits)
            most = self._none if self._balanced else logits.max(1)
            if not self._balanced:
                logits -= most[:, None]
            np.exp(logits, out=logits)
            self._total[mine] = (np.log(logits @ self._ones) + most + self._shift)[: len(mine)]


def _product(rows: Floats, matrix: Floats) -> Floats:
    """Return rows [n, UNITS] @ matrix, in products that all have the shape of a block."""
    blocks = -(-len(rows) // _BLOCK)
    padded = np.zeros((blocks * _BLOCK, UNITS), np.float32)
    padded[: len(rows)] = rows
    product: Floats = np.matmul(padded.reshape(blocks, _BLOCK, UNITS), matrix)
    return product.reshape(blocks * _BLOCK, -1)[: len(rows)]


def _balanced(out: Array, bias: Array) -> tuple[Floats, float, bool]:
    """Return the matrix [UNITS + 1, templates] that gives logits less a shift, the shift, and whether it is enough.

    States lie between -1 and 1, so it is known beforehand between which two values the greatest logit lies. With their
    middle for a shift no exponential leaves float32, unless they are very far apart.
    """
    reach = np.abs(out).sum(0)
    most, least = float((bias + reach).max(initial=-_FAR)), float((bias - reach).max(initial=-_FAR))
    shift = (most + least) / 2
    rows = np.concatenate([out, [bias - shift]])
    padding = np.zeros((len(rows), -rows.shape[1] % _ALIGNED))
    padding[-1] = _NEVER
    return np.hstack([rows, padding]).astype(np.float32), shift, most - least < 2 * _FAR
