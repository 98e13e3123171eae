"""The text encoder as a Keras network, and its contrastive training on a site's own statements."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from models.encoder import BUCKETS, PAD, WIDTH, Encoder, features
from models.rewording import reword

BATCH: Final = 64
TEMPERATURE: Final = 0.1
_REAL: Final = np.array([bucket != PAD for bucket in range(BUCKETS)], np.float32)


@keras.saving.register_keras_serializable("deepsentry")
class TextEncoder(keras.Model):  # type: ignore[misc]  # keras ships no types
    """Buckets [batch, features], padded with PAD -> vectors [batch, WIDTH] of length 1."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.embedding = keras.layers.Embedding(
            BUCKETS, WIDTH, embeddings_initializer=keras.initializers.RandomNormal(stddev=1.0, seed=1)
        )
        self.embedding.build()
        self.out = keras.layers.Dense(WIDTH, kernel_initializer=keras.initializers.Identity())

    def call(self, buckets: tf.Tensor) -> tf.Tensor:
        """Return the vectors of a batch of texts.

        How often each bucket occurs, times the embedding: to fetch a row for every feature takes three times as long.
        """
        texts, longest = tf.shape(buckets)[0], tf.shape(buckets)[1]
        places = tf.stack([tf.repeat(tf.range(texts), longest), tf.reshape(buckets, [-1])], 1)
        counts = tf.scatter_nd(places, tf.ones(texts * longest), [texts, BUCKETS]) * _REAL
        pooled = tf.matmul(counts, self.embedding.embeddings)
        pooled /= tf.maximum(tf.reduce_sum(counts, 1, keepdims=True), 1.0)
        return tf.math.l2_normalize(self.out(pooled), axis=1)

    def adopt(self, encoder: Encoder) -> None:
        """Take the weights of an encoder."""
        self(np.zeros((1, 1), np.int32))
        self.embedding.set_weights([encoder.embedding])
        self.out.set_weights([encoder.kernel, encoder.bias])

    def export(self) -> Encoder:
        """Return the same network for numpy."""
        kernel, bias = self.out.get_weights()
        return Encoder(self.embedding.get_weights()[0], kernel, bias)


def pad(texts: Sequence[str]) -> NDArray[np.int32]:
    """Return the features of texts as one matrix."""
    found = [features(text) for text in texts]
    out = np.full((len(found), max(1, *(len(f) for f in found))), PAD, np.int32)
    for row, buckets in enumerate(found):
        out[row, : len(buckets)] = buckets
    return out


def train_encoder(
    templates: Sequence[str],
    seed: int,
    steps: int,
    progress: Callable[[int, int], None],
    start: Encoder | None = None,
) -> Encoder:
    """Return an encoder for which two rewordings of a statement agree and different statements do not (InfoNCE).

    From `start` on only the dense layer is trained: the embedding, which many sites share, stays as it is.
    """
    network = TextEncoder()
    if start is not None:
        network.adopt(start)
        network.embedding.trainable = False
    optimizer = keras.optimizers.Adam(2e-3)
    rng = np.random.default_rng(seed)
    network(np.zeros((1, 1), np.int32))
    words = sorted({word for text in templates for word in text.split(" ")})

    def learn(left: tf.Tensor, right: tf.Tensor, which: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            alike = tf.matmul(network(left), network(right), transpose_b=True) / TEMPERATURE
            count = tf.shape(which)[0]
            twin = tf.logical_and(which[:, None] == which[None], tf.logical_not(tf.eye(count, dtype=tf.bool)))
            alike = tf.where(twin, -1e9, alike)
            target = tf.range(count)
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(target, alike)
                + tf.nn.sparse_softmax_cross_entropy_with_logits(target, tf.transpose(alike))
            )
        gradients = tape.gradient(loss, network.trainable_variables)
        optimizer.apply_gradients(zip(gradients, network.trainable_variables, strict=True))
        return loss

    step = tf.function(
        learn,
        input_signature=[
            tf.TensorSpec([None, None], tf.int32),
            tf.TensorSpec([None, None], tf.int32),
            tf.TensorSpec([None], tf.int32),
        ],
    )
    for done in range(steps):
        which = rng.integers(0, len(templates), BATCH)
        step(
            pad([reword(templates[i], words, rng) for i in which]),
            pad([reword(templates[i], words, rng) for i in which]),
            which.astype(np.int32),
        )
        progress(done + 1, steps)
    return network.export()
