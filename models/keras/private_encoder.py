"""The encoder's dense layer trained so that no record shows in it: DP-SGD on what each record's own statements say.

A record is asked to tell its own statements apart when they are reworded (InfoNCE among them alone), so its gradient
depends on no other record. Words that a rewording adds come from a list that is public.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from models.encoder import WIDTH, Encoder, features
from models.keras.encoder import TEMPERATURE
from models.keras.private import clipped_sum
from models.private import STEPS_OF_CLIP, Protection, Randomness
from models.rewording import reword

MAX_STATEMENTS: Final = 32
"""Different ones of a record that are learned from: its first."""
_GROUP: Final = 128
_TRADE: Final = (
    "accept allocate append attempt begin block buffer cache call cancel change check clean client close "
    "commit config connect copy create data delete deny disk drop end entry exit fetch file finish flush "
    "found get handle host id init invoke job key list load lock log lookup map memory message mount move "
    "node offset open pack pid poll pool port process queue read receive register reject release remove reply "
    "request reset resolve response restart retry return route run save scan send serve session set shutdown "
    "size skip start state status stop store stream submit switch sync task thread time timeout token update "
    "user verify version wait worker write zone"
)
WORDS: Final = tuple(_TRADE.split())
"""Public: words of the trade, from no log."""

Statements = tuple[str, ...]


def statements_of(texts: Sequence[str]) -> Statements:
    """Return the different statements of a record, in order, as many as are learned from."""
    return tuple(dict.fromkeys(texts))[:MAX_STATEMENTS]


def train_privately(
    encoder: Encoder,
    records: Sequence[Statements],
    protection: Protection,
    steps: int,
    rate: float,
    randomness: Randomness,
    rng: np.random.Generator,
    stopped: Callable[[], bool] = lambda: False,
) -> tuple[Encoder, int]:
    """Return the encoder after so many steps, and how many were taken; `rng` rewords and may be known to anybody."""
    distinct = list(dict.fromkeys(records))
    number = {record: i for i, record in enumerate(distinct)}
    kind = np.array([number[record] for record in records], np.int64)
    texts = sorted({text for record in distinct for text in record})
    members = _members(distinct, {text: i for i, text in enumerate(texts)})
    kernel, bias = tf.Variable(encoder.kernel), tf.Variable(encoder.bias)
    optimizer = keras.optimizers.Adam(rate)
    optimizer.build([kernel, bias])
    taken = 0
    for _ in range(steps):
        if stopped():
            break
        drawn = randomness.drawn(len(records), protection.rate(len(records)))
        times = np.bincount(kind[drawn], minlength=len(distinct)).astype(np.float64)
        left, right = (_pooled(encoder, [reword(text, WORDS, rng) for text in texts]) for _ in range(2))
        total = np.zeros(WIDTH * WIDTH + WIDTH)
        chosen = np.flatnonzero(times)
        for first in range(0, len(chosen), _GROUP):
            some = chosen[first : first + _GROUP]
            found = gradients(kernel, bias, left, right, tf.constant(members[some]))
            total += clipped_sum(found, tf.constant(times[some]), tf.constant(protection.clip, tf.float32)).numpy()
        total += randomness.whole_gaussian(len(total), protection.noise * STEPS_OF_CLIP)
        mean = (total / STEPS_OF_CLIP * protection.clip / max(protection.batch, 1.0)).astype(np.float32)
        optimizer.apply_gradients(
            [(mean[: WIDTH * WIDTH].reshape(WIDTH, WIDTH), kernel), (mean[WIDTH * WIDTH :], bias)]
        )
        taken += 1
    return Encoder(encoder.embedding, kernel.numpy(), bias.numpy()), taken


def gradients(kernel: Any, bias: Any, left: Any, right: Any, members: Any) -> Any:
    """Return each record's gradient of kernel and bias [records, WIDTH * WIDTH + WIDTH].

    `members` [records, MAX_STATEMENTS] are rows of `left` and `right`, the pooled features of two rewordings of each
    statement; -1 where there is none.
    """
    real = members >= 0
    rows = tf.maximum(members, 0)
    count = tf.shape(members)[0]
    with tf.GradientTape() as tape:
        own = tf.tile(kernel[None], [count, 1, 1])  # each record has weights of its own, so a tape tells them apart
        mine = tf.tile(bias[None, None], [count, 1, 1])
        tape.watch([own, mine])
        one, other = (
            tf.math.l2_normalize(tf.matmul(tf.gather(pooled, rows), own) + mine, axis=2) for pooled in (left, right)
        )
        alike = tf.matmul(one, other, transpose_b=True) / TEMPERATURE
        loss = _infonce(alike, real) + _infonce(tf.transpose(alike, [0, 2, 1]), real)
        loss /= tf.maximum(tf.reduce_sum(tf.cast(real, tf.float32), 1), 1.0)
    by_kernel, by_bias = tape.gradient(loss, [own, mine])
    return tf.concat([tf.reshape(by_kernel, [count, -1]), by_bias[:, 0]], 1)


def _infonce(alike: Any, real: Any) -> Any:
    masked = tf.where(real[:, None], alike, -1e9)
    target = tf.tile(tf.range(tf.shape(alike)[1])[None], [tf.shape(alike)[0], 1])
    each = tf.nn.sparse_softmax_cross_entropy_with_logits(target, masked)
    return tf.reduce_sum(tf.where(real, each, 0.0), 1)


def _members(records: Sequence[Statements], rows: dict[str, int]) -> NDArray[np.int32]:
    found = np.full((len(records), MAX_STATEMENTS), -1, np.int32)
    for at, record in enumerate(records):
        found[at, : len(record)] = [rows[text] for text in record]
    return found


def _pooled(encoder: Encoder, texts: Sequence[str]) -> NDArray[np.float32]:
    found = [features(text) for text in texts]
    return np.array([encoder.embedding[f].mean(0) if len(f) else np.zeros(WIDTH) for f in found], np.float32)
