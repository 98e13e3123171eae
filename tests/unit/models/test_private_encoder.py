"""Private training of the encoder's dense layer: what one record can do to it."""

import numpy as np
import pytest
from numpy.typing import NDArray

from models.encoder import WIDTH, Encoder
from models.keras import runtime
from models.private import STEPS_OF_CLIP, Protection, Randomness
from models.shared import initial, networks_of

runtime.prepare(0)

import tensorflow as tf  # noqa: E402  (after the variables that it reads)

from models.keras.private import clipped_sum  # noqa: E402
from models.keras.private_encoder import (  # noqa: E402
    MAX_STATEMENTS,
    TEMPERATURE,
    WORDS,
    Statements,
    gradients,
    statements_of,
    train_privately,
)

ENCODER = networks_of(initial(0))[0]
TEXTS = ("open file <*> for user <*>", "close file <*>", "cache miss for key <*>", "job <*> done in <*> ms")
RECORDS: list[Statements] = [TEXTS, TEXTS, TEXTS[:2], TEXTS[1:], TEXTS[:1]]


def pooled(seed: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((6, WIDTH)).astype(np.float32)


def members(*records: tuple[int, ...]) -> NDArray[np.int32]:
    found = np.full((len(records), MAX_STATEMENTS), -1, np.int32)
    for at, record in enumerate(records):
        found[at, : len(record)] = record
    return found


def found(*records: tuple[int, ...]) -> NDArray[np.float32]:
    kernel, bias = tf.Variable(ENCODER.kernel), tf.Variable(ENCODER.bias)
    left, right = pooled(1), pooled(2)
    result: NDArray[np.float32] = gradients(kernel, bias, left, right, tf.constant(members(*records))).numpy()
    return result


@pytest.mark.parametrize("record", [(0, 1), (0, 2, 3, 5), (4,)])
def test_the_gradient_of_a_record_is_the_one_that_a_tape_finds(record: tuple[int, ...]) -> None:
    kernel, bias = tf.Variable(ENCODER.kernel), tf.Variable(ENCODER.bias)
    rows = list(record)
    with tf.GradientTape() as tape:
        left, right = (tf.math.l2_normalize(tf.matmul(pooled(s)[rows], kernel) + bias, axis=1) for s in (1, 2))
        alike = tf.matmul(left, right, transpose_b=True) / TEMPERATURE
        target = tf.range(len(rows))
        loss = tf.reduce_mean(
            tf.nn.sparse_softmax_cross_entropy_with_logits(target, alike)
            + tf.nn.sparse_softmax_cross_entropy_with_logits(target, tf.transpose(alike))
        )
    expected = np.concatenate([np.ravel(tf.convert_to_tensor(g)) for g in tape.gradient(loss, [kernel, bias])])
    np.testing.assert_allclose(found(record, (1, 2, 3))[0], expected, atol=1e-5)


def test_a_record_s_gradient_knows_no_other_record() -> None:
    np.testing.assert_allclose(found((0, 1, 2), (3, 4))[0], found((0, 1, 2), (5,), (1, 4))[0], atol=1e-6)


def test_no_record_adds_more_than_the_bound() -> None:
    flat = found((0, 1, 2), (3, 4, 5), (2, 5))
    for i in range(3):
        alone = clipped_sum(flat[i : i + 1], tf.constant([1.0], tf.float64), tf.constant(0.01)).numpy()
        assert np.linalg.norm(alone) <= STEPS_OF_CLIP
        np.testing.assert_array_equal(alone, np.rint(alone))


def test_statements_of_a_record_are_different_and_bounded() -> None:
    assert statements_of(["b", "a", "b"]) == ("b", "a")
    assert len(statements_of([str(i) for i in range(100)])) == MAX_STATEMENTS


def test_the_words_are_public_and_plain() -> None:
    assert len(set(WORDS)) == len(WORDS) > 100
    assert all(word.isalpha() and word.islower() for word in WORDS)


def train(steps: int, noise: float, stop: int = 10**9) -> tuple[Encoder, int]:
    left = iter(range(10**9))
    return train_privately(
        ENCODER,
        RECORDS * 20,
        Protection(noise, 100.0, 0.5),
        steps,
        2e-3,
        Randomness(bytes(range(32))),
        np.random.default_rng(0),
        lambda: next(left) >= stop,
    )


def alike(encoder: Encoder) -> float:
    vectors = np.array([encoder.encode(text) for text in TEXTS])
    return float((vectors @ vectors.T)[~np.eye(len(TEXTS), dtype=bool)].mean())


def test_training_parts_the_statements_and_leaves_the_embedding() -> None:
    after, taken = train(30, 0.5)
    assert taken == 30
    assert alike(after) < alike(ENCODER) - 0.05
    assert after.embedding is ENCODER.embedding


def test_training_that_is_stopped_says_how_many_steps_it_took() -> None:
    after, taken = train(30, 0.5, stop=2)
    assert taken == 2
    assert train(0, 0.5)[1] == 0
    assert not np.array_equal(after.kernel, ENCODER.kernel)
