"""The LSTM trained so that no record shows in its weights: clipped gradients, drawn records, noise (DP-SGD).

Abadi et al. 2016. A record is what the privacy is of: one sequence, or all sequences of one key.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from models.encoder import WIDTH
from models.keras.sequence import Example, NextStatement, segments
from models.private import STEPS_OF_CLIP, Protection, Randomness
from models.sequence import UNITS, Network

MAX_PIECES: Final = 16
"""Of a record: what goes on longer is learned from by its beginning."""
_SLACK: Final = 1.0 - 2.0**-12
"""Makes room in the bound for rounding each of 74,496 numbers, which is 1.3e-4 at most, and for 32-bit arithmetic."""
_GROUP: Final = 96
"""Pieces whose gradients are held at once: 30 MB."""
_AVERAGED: Final = 0.95

Record = tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class _Pieces:
    """All pieces of distinct records, a row each; records by length, the pieces of one record together."""

    rows: NDArray[np.int32]
    targets: NDArray[np.int32]
    weights: NDArray[np.float32]
    owner: NDArray[np.int64]
    """Record of each piece, rising from 0."""
    steps: NDArray[np.int64]

    def groups(self, times: NDArray[np.float64]) -> "Iterator[tuple[_Pieces, NDArray[np.float64]]]":
        """Yield the records that occur, some at a time, with how often each of them does."""
        sizes = np.bincount(self.owner, minlength=len(times))
        chosen: list[int] = []
        for record in np.flatnonzero(times).tolist():
            if chosen and sizes[chosen].sum() + sizes[record] > _GROUP:
                yield self._of(chosen), times[chosen]
                chosen = []
            chosen.append(record)
        if chosen:
            yield self._of(chosen), times[chosen]

    def _of(self, records: list[int]) -> "_Pieces":
        mine = np.flatnonzero(np.isin(self.owner, records))
        owner = np.searchsorted(records, self.owner[mine])
        steps = int(self.steps[mine].max())
        cut = (self.rows[mine, :steps], self.targets[mine, :steps], self.weights[mine, :steps])
        return _Pieces(*cut, owner, self.steps[mine])


class PrivateLearner:
    """The LSTM bound to a site's statements, which must not depend on the records (decision 33), and to its records."""

    def __init__(self, templates: int, records: Sequence[Record]) -> None:
        self._table = tf.Variable(tf.zeros((templates, WIDTH)))
        self._network = NextStatement()
        self._network(np.zeros((1, 1), np.int32), self._table)
        distinct = sorted(dict.fromkeys(records), key=_longest)
        number = {record: i for i, record in enumerate(distinct)}
        self._kind = np.array([number[record] for record in records], np.int64)
        self._pieces = _pieces(distinct, templates)
        self._sum = tf.function(
            self._clipped_sum,
            input_signature=[
                tf.TensorSpec([None, None], tf.int32),
                tf.TensorSpec([None, None], tf.int32),
                tf.TensorSpec([None, None], tf.float32),
                tf.TensorSpec([None], tf.int64),
                tf.TensorSpec([None], tf.float64),
                tf.TensorSpec([], tf.float32),
            ],
        )

    @property
    def records(self) -> int:
        """Return how many records there are; it is held to be public."""
        return len(self._kind)

    def see(self, vectors: NDArray[np.float64]) -> None:
        """Take the vectors [templates, WIDTH] that the encoder gives the statements now."""
        self._table.assign(vectors.astype(np.float32))

    def loss(self, network: Network) -> float:
        """Return the mean surprise a line over all records, nats. It is not private: it stays at the site."""
        self._network.adopt(network)
        times = np.bincount(self._kind).astype(np.float64)
        total = 0.0
        for batch, counted in self._pieces.groups(times):
            logits = self._network(batch.rows, self._table)
            surprise = tf.nn.sparse_softmax_cross_entropy_with_logits(batch.targets, logits).numpy() * batch.weights
            total += float(surprise.sum(1) @ counted[batch.owner])
        return total / len(self._kind)

    def fit(
        self,
        network: Network,
        protection: Protection,
        steps: int,
        rate: float,
        randomness: Randomness,
        stopped: Callable[[], bool] = lambda: False,
    ) -> tuple[Network, int]:
        """Return the network after so many steps, and how many were taken: each costs privacy.

        The weights are the running average of those on the way, which costs none and takes out most of the noise.
        """
        self._network.adopt(network)
        variables = self._variables()
        optimizer = keras.optimizers.Adam(rate)
        optimizer.build(variables)
        average = [np.zeros(v.shape, np.float64) for v in variables]
        taken, weight = 0, 0.0
        for done in range(steps):
            if stopped():
                break
            optimizer.learning_rate.assign(rate * (0.1 + 0.9 * (1 + math.cos(math.pi * done / steps)) / 2))
            noisy = self.noisy_sum(protection, randomness)
            mean = (noisy * (protection.clip / max(protection.batch, 1.0))).astype(np.float32)
            optimizer.apply_gradients(zip(_parts(mean, variables), variables, strict=True))
            average = [_AVERAGED * a + (1 - _AVERAGED) * v.numpy() for a, v in zip(average, variables, strict=True)]
            taken, weight = done + 1, _AVERAGED * weight + 1 - _AVERAGED
        if taken:
            for variable, mean in zip(variables, average, strict=True):
                variable.assign((mean / weight).astype(np.float32))
        return self._network.export(), taken

    def noisy_sum(self, protection: Protection, randomness: Randomness) -> NDArray[np.float64]:
        """Return the sum of the drawn records' clipped gradients plus noise, in units of the clipping bound."""
        total = self.exact_sum(randomness.drawn(self.records, protection.rate(self.records)), protection.clip)
        total += randomness.whole_gaussian(len(total), protection.noise * STEPS_OF_CLIP)
        return total / STEPS_OF_CLIP

    def exact_sum(self, drawn: NDArray[np.bool_], clip: float) -> NDArray[np.float64]:
        """Return that sum without noise: whole numbers, added without rounding, so in any order."""
        times = np.bincount(self._kind[drawn], minlength=int(self._kind.max()) + 1).astype(np.float64)
        total = np.zeros(sum(int(np.prod(v.shape)) for v in self._variables()))
        for batch, counted in self._pieces.groups(times):
            total += self._sum(batch.rows, batch.targets, batch.weights, batch.owner, counted, clip).numpy()
        return total

    def _variables(self) -> list[Any]:
        network = self._network
        kernel, recurrent, bias = network.lstm.trainable_variables
        query, query_bias = network.query.trainable_variables
        return [kernel, recurrent, bias, query, query_bias, network.key.trainable_variables[0], network.marks]

    def _clipped_sum(self, rows: Any, targets: Any, weights: Any, owner: Any, counted: Any, clip: Any) -> Any:
        flat, records = self._gradients(rows, targets, weights), tf.shape(counted)[0]
        if_single = tf.equal(tf.shape(rows)[0], records)
        flat = tf.cond(if_single, lambda: flat, lambda: tf.math.unsorted_segment_sum(flat, owner, records))
        return clipped_sum(flat, counted, clip)

    def gradients(self, network: Network, record: Record) -> NDArray[np.float32]:
        """Return the gradient of one record, unclipped; for tests."""
        self._network.adopt(network)
        batch = _pieces([record], self._table.shape[0])
        found = self._gradients(tf.constant(batch.rows), tf.constant(batch.targets), tf.constant(batch.weights))
        total: NDArray[np.float32] = found.numpy().sum(0)
        return total

    def _gradients(self, rows: Any, targets: Any, weights: Any) -> Any:
        """Return the gradient of each piece [pieces, weights of the network].

        As pieces do not mix, one backward pass through time finds what reaches every gate. A piece's gradient of a
        matrix is its inputs times that, summed over time; so all of them cost little more than one ordinary step.
        """
        kernel, recurrent, bias, query, query_bias, key, marks = self._variables()
        table = tf.concat([self._table, marks[:2]], 0)
        keys = tf.concat([tf.matmul(self._table, key), marks[2:]], 0)
        inputs = tf.gather(table, rows)
        pushed = tf.zeros(tf.concat([tf.shape(rows), [4 * UNITS]], 0))
        with tf.GradientTape() as tape:
            tape.watch(pushed)
            states = _states(tf.matmul(inputs, kernel) + bias + pushed, recurrent)
            answer = tf.matmul(states, query) + query_bias
            logits = tf.einsum("bsw,kw->bsk", answer, keys)
            surprise = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
            loss = tf.reduce_sum(surprise * weights)
        gates = tape.gradient(loss, pushed)
        missed = tf.nn.softmax(logits) - tf.one_hot(targets, tf.shape(keys)[0])
        missed *= weights[..., None]
        asked = tf.einsum("bsk,kw->bsw", missed, keys)
        offered = tf.matmul(missed, answer, transpose_a=True)
        before = tf.pad(states[:, :-1], [[0, 0], [1, 0], [0, 0]])
        entered = tf.einsum("bsg,wg->bsw", gates, kernel)
        opening = tf.stack([rows == self._table.shape[0] + i for i in range(2)], 1)
        found = [
            tf.matmul(inputs, gates, transpose_a=True),
            tf.matmul(before, gates, transpose_a=True),
            tf.reduce_sum(gates, 1),
            tf.matmul(states, asked, transpose_a=True),
            tf.reduce_sum(asked, 1),
            tf.einsum("kv,bkw->bvw", self._table, offered[:, :-1]),
            tf.concat([tf.matmul(tf.cast(opening, tf.float32), entered), offered[:, -1:]], 1),
        ]
        return tf.concat([tf.reshape(each, [tf.shape(rows)[0], -1]) for each in found], 1)


def clipped_sum(flat: Any, counted: Any, clip: Any) -> Any:
    """Sum up gradients [records, weights], each clipped, rounded to whole steps, and taken `counted` times."""
    norm = tf.norm(flat, axis=1, keepdims=True)
    whole = tf.round(flat * (_SLACK * STEPS_OF_CLIP / tf.maximum(norm, clip)))
    whole = tf.where(tf.math.is_finite(whole), whole, 0.0)  # a record whose gradient is none adds none
    return tf.linalg.matvec(tf.cast(whole, tf.float64), counted, transpose_a=True)


def _states(gates: Any, recurrent: Any) -> Any:
    """Return the hidden states [pieces, steps, UNITS] of an LSTM whose inputs and biases are in `gates`."""
    pieces, steps = tf.shape(gates)[0], tf.shape(gates)[1]
    through = tf.TensorArray(tf.float32, steps).unstack(tf.transpose(gates, [1, 0, 2]))
    out = tf.TensorArray(tf.float32, steps)
    nothing = tf.zeros([pieces, UNITS])

    def walk(step: Any, hidden: Any, cell: Any, out: Any) -> tuple[Any, Any, Any, Any]:
        enter, forget, new, leave = tf.split(through.read(step) + tf.matmul(hidden, recurrent), 4, 1)
        cell = tf.sigmoid(forget) * cell + tf.sigmoid(enter) * tf.tanh(new)
        hidden = tf.sigmoid(leave) * tf.tanh(cell)
        return step + 1, hidden, cell, out.write(step, hidden)

    *_, out = tf.while_loop(lambda step, *_: step < steps, walk, (0, nothing, nothing, out))
    return tf.transpose(out.stack(), [1, 0, 2])


def _parts(flat: NDArray[np.float32], variables: Sequence[Any]) -> list[NDArray[np.float32]]:
    ends = np.cumsum([int(np.prod(v.shape)) for v in variables])
    return [part.reshape(v.shape) for part, v in zip(np.split(flat, ends[:-1]), variables, strict=True)]


def _longest(record: Record) -> int:
    return max(len(piece.walk.rows) for example in record for piece in segments(example))


def _pieces(records: Sequence[Record], templates: int) -> _Pieces:
    mine: list[tuple[int, Example, float]] = []
    for owner, record in enumerate(records):
        pieces = [piece for example in record for piece in segments(example)][:MAX_PIECES]
        lines = sum(piece.weight * (len(piece.walk.rows) + piece.ends) for piece in pieces)
        mine += [(owner, piece, piece.weight / lines) for piece in pieces]
    steps = np.array([len(piece.walk.rows) + 1 for _, piece, _ in mine], np.int64)
    rows, targets = (np.zeros((len(mine), steps.max()), np.int32) for _ in range(2))
    weights = np.zeros((len(mine), steps.max()), np.float32)
    for at, (_, piece, weight) in enumerate(mine):
        length = len(piece.walk.rows)
        rows[at, 0] = templates if piece.walk.begins else templates + 1
        rows[at, 1 : length + 1] = piece.walk.rows
        targets[at, :length] = piece.walk.rows
        targets[at, length] = templates
        weights[at, : length + piece.ends] = weight
    return _Pieces(rows, targets, weights, np.array([owner for owner, *_ in mine], np.int64), steps)
