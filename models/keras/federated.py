"""One site's share of a round: weights come in, are measured and trained on the site's own data, and go out."""

from collections.abc import Callable, Sequence
from typing import Final

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from models.encoder import WIDTH, Encoder
from models.federated import Ask
from models.keras.encoder import train_encoder
from models.keras.sequence import Batch, Example, NextStatement, batches
from models.sequence import Network

CLIP: Final = 1.0


class Learner:
    """The LSTM bound to one site's statements, and the site's sequences as batches."""

    def __init__(self, templates: int, training: Sequence[Example], validation: Sequence[Example]) -> None:
        self._fitted = batches(training, templates)
        self._held = batches(validation, templates)
        self._network = NextStatement()
        self._table = tf.Variable(tf.zeros((templates, WIDTH)))
        self._network(np.zeros((1, 1), np.int32), self._table)
        signature = [tf.TensorSpec([None, None], kind) for kind in (tf.int32, tf.int32, tf.float32)]
        self._sums = tf.function(self._surprise, input_signature=signature)
        self._optimizer = keras.optimizers.Adam(1e-3, clipnorm=CLIP)
        self._optimizer.build(self._network.trainable_variables)
        self._anchor = [tf.Variable(v) for v in self._network.trainable_variables]
        self._mu = tf.Variable(0.0)
        self._step = tf.function(self._learn, input_signature=signature)

    def see(self, vectors: NDArray[np.float64]) -> None:
        """Take the vectors [templates, WIDTH] that the encoder gives the statements now."""
        self._table.assign(vectors.astype(np.float32))

    def loss(self, network: Network) -> float:
        """Return what a network expects of the validation sequences: nats a line, lower is better."""
        self._network.adopt(network)
        return self._mean(self._held)

    def fit(self, network: Network, ask: Ask, stopped: Callable[[], bool]) -> Network:
        """Return the network after at most `ask.steps` batches, fewer where `stopped` says so."""
        self._network.adopt(network)
        for anchor, variable in zip(self._anchor, self._network.trainable_variables, strict=True):
            anchor.assign(variable)
        self._mu.assign(ask.mu)
        for variable in self._optimizer.variables:  # moments of an earlier round are of other weights
            variable.assign(tf.zeros_like(variable))
        self._optimizer.learning_rate.assign(ask.rate)
        rng = np.random.default_rng(ask.seed)
        done = 0
        while done < ask.steps:
            for i in rng.permutation(len(self._fitted))[: ask.steps - done]:
                if stopped():
                    return self._network.export()
                batch = self._fitted[i]
                self._step(batch.rows, batch.targets, batch.weights)
                done += 1
        return self._network.export()

    def _mean(self, held: Sequence[Batch]) -> float:
        sums = np.array([[float(x) for x in self._sums(b.rows, b.targets, b.weights)] for b in held])
        return float(sums[:, 0].sum() / sums[:, 1].sum())

    def _surprise(self, rows: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        found = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, self._network(rows, self._table))
        return tf.reduce_sum(found * weights), tf.reduce_sum(weights)

    def _learn(self, rows: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor) -> None:
        variables = self._network.trainable_variables
        with tf.GradientTape() as tape:
            total, weight = self._surprise(rows, targets, weights)
            apart = tf.add_n([tf.nn.l2_loss(v - a) for v, a in zip(variables, self._anchor, strict=True)])
            loss = total / weight + self._mu * apart
        self._optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))


def fit_encoder(encoder: Encoder, templates: Sequence[str], ask: Ask) -> Encoder:
    """Return the encoder with its dense layer trained on this site's statements."""
    return train_encoder(templates, ask.seed, ask.steps, lambda _done, _total: None, encoder)
