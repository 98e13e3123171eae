"""The next-statement LSTM as a Keras network, and its training on sequences held normal."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from models.encoder import WIDTH
from models.sequence import UNITS, Network, Walk

BATCH: Final = 32
MIN_STEPS: Final = 3_000
"""Little data is gone through more often, up to so many steps."""
SEGMENT: Final = 128
"""Lines of a training example; a longer sequence is cut into several."""
PATIENCE: Final = 8


@dataclass(frozen=True, slots=True)
class Example:
    """A walk to learn from, how often it occurred, and whether its end is an end."""

    walk: Walk
    ends: bool
    weight: float


@keras.saving.register_keras_serializable("deepsentry")
class NextStatement(keras.Model):  # type: ignore[misc]  # keras ships no types
    """Rows [batch, steps] of the table (templates, start, cut) -> logits [batch, steps, templates + 1]."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.lstm = keras.layers.LSTM(UNITS, return_sequences=True)
        self.query = keras.layers.Dense(WIDTH)
        self.key = keras.layers.Dense(WIDTH, use_bias=False, kernel_initializer=keras.initializers.Identity(gain=3.0))
        self.marks = self.add_weight(name="marks", shape=(3, WIDTH), initializer="glorot_uniform")

    def call(self, rows: tf.Tensor, vectors: tf.Tensor) -> tf.Tensor:
        """Return logits; `vectors` [templates, WIDTH] are the encoder's."""
        table = tf.concat([vectors, self.marks[:2]], 0)
        answer = self.query(self.lstm(tf.gather(table, rows)))
        keys = tf.concat([self.key(vectors), self.marks[2:]], 0)
        return tf.einsum("bsw,kw->bsk", answer, keys)

    def adopt(self, network: Network) -> None:
        """Take the weights of a network."""
        self(np.zeros((1, 1), np.int32), np.zeros((1, WIDTH), np.float32))
        self.lstm.set_weights([network.kernel, network.recurrent, network.bias])
        self.query.set_weights([network.query, network.query_bias])
        self.key.set_weights([network.key])
        self.marks.assign(np.stack([network.start, network.cut, network.end]))

    def export(self) -> Network:
        """Return the same network for numpy."""
        kernel, recurrent, bias = self.lstm.get_weights()
        query, query_bias = self.query.get_weights()
        marks = self.marks.numpy()
        return Network(
            kernel, recurrent, bias, query, query_bias, self.key.get_weights()[0], marks[0], marks[1], marks[2]
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """Examples of about one length: rows of the table, what follows each, and how much each counts."""

    rows: NDArray[np.int32]
    targets: NDArray[np.int32]
    weights: NDArray[np.float32]


def segments(example: Example) -> Iterator[Example]:
    """Yield an example in pieces of at most SEGMENT lines."""
    rows = example.walk.rows
    for first in range(0, max(len(rows), 1), SEGMENT):
        last = first + SEGMENT >= len(rows)
        begins = example.walk.begins and first == 0
        yield Example(Walk(rows[first : first + SEGMENT], begins), example.ends and last, example.weight)


def batches(examples: Sequence[Example], templates: int) -> list[Batch]:
    """Return the pieces of all examples, like lengths together."""
    pieces = sorted((piece for e in examples for piece in segments(e)), key=lambda e: len(e.walk.rows))
    out = []
    for first in range(0, len(pieces), BATCH):
        group = pieces[first : first + BATCH]
        steps = len(group[-1].walk.rows) + 1
        rows = np.zeros((len(group), steps), np.int32)
        targets = np.zeros((len(group), steps), np.int32)
        weights = np.zeros((len(group), steps), np.float32)
        for i, piece in enumerate(group):
            length = len(piece.walk.rows)
            rows[i, 0] = templates if piece.walk.begins else templates + 1
            rows[i, 1 : length + 1] = piece.walk.rows
            targets[i, :length] = piece.walk.rows
            targets[i, length] = templates
            weights[i, : length + piece.ends] = piece.weight
        out.append(Batch(rows, targets, weights))
    return out


def train_sequence(
    vectors: NDArray[np.float64],
    training: Sequence[Example],
    validation: Sequence[Example],
    *,
    seed: int,
    epochs: int,
    progress: Callable[[int, int], None],
) -> tuple[Network, int, float]:
    """Return the network at its best epoch by validation loss, the epochs run and that loss (nats a line)."""
    network = NextStatement()
    optimizer = keras.optimizers.Adam(4e-3, clipnorm=1.0)
    table = tf.constant(vectors.astype(np.float32))
    network(np.zeros((1, 1), np.int32), table)

    signature = [
        tf.TensorSpec([None, None], tf.int32),
        tf.TensorSpec([None, None], tf.int32),
        tf.TensorSpec([None, None], tf.float32),
    ]

    def loss_of(rows: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        surprise = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, network(rows, table))
        return tf.reduce_sum(surprise * weights), tf.reduce_sum(weights)

    def learn(rows: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            total, weight = loss_of(rows, targets, weights)
            loss = total / weight
        gradients = tape.gradient(loss, network.trainable_variables)
        optimizer.apply_gradients(zip(gradients, network.trainable_variables, strict=True))
        return loss

    step = tf.function(learn, input_signature=signature)
    check = tf.function(loss_of, input_signature=signature)
    fitted = batches(training, len(vectors))
    held = batches(validation, len(vectors))
    epochs = max(epochs, -(-MIN_STEPS // len(fitted)))
    rng = np.random.default_rng(seed)
    best, best_at, kept = float("inf"), 0, network.get_weights()
    epoch = 0
    for epoch in range(1, epochs + 1):
        optimizer.learning_rate.assign(4e-3 * (0.05 + 0.95 * (1 + np.cos(np.pi * epoch / (epochs + 1))) / 2))
        for i in rng.permutation(len(fitted)):
            step(fitted[i].rows, fitted[i].targets, fitted[i].weights)
        sums = np.array([[float(x) for x in check(b.rows, b.targets, b.weights)] for b in held])
        loss = float(sums[:, 0].sum() / sums[:, 1].sum())
        progress(epoch, epochs)
        if loss < best - 1e-3:
            best, best_at, kept = loss, epoch, network.get_weights()
        elif epoch - best_at >= PATIENCE:
            break
    network.set_weights(kept)
    return network.export(), epoch, best
