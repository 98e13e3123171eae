"""Private training: what the guarantee stands on, each part against a reckoning of its own."""

import math
from statistics import NormalDist

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from numpy.typing import NDArray

from models.encoder import WIDTH
from models.keras import runtime
from models.private import STEPS_OF_CLIP, Protection, Randomness
from models.sequence import Walk
from models.shared import initial, networks_of

runtime.prepare(0)

import tensorflow as tf  # noqa: E402  (after the variables that it reads)

from models.keras.private import MAX_PIECES, PrivateLearner, Record  # noqa: E402
from models.keras.sequence import SEGMENT, Example, NextStatement, batches  # noqa: E402

TEMPLATES = 5
KEY = bytes(range(32))
START = networks_of(initial(1))[1]


def record(*rows: int, begins: bool = True, ends: bool = True) -> Record:
    return (Example(Walk(rows, begins), ends, 1.0),)


RECORDS = [
    record(0, 1, 2),
    record(0, 1, 2),
    record(3, 4),
    record(0, 1, 2, 3, 4, 0, 1),
    record(2, 2, 1, begins=False, ends=False),
    (*record(0, 3), Example(Walk((1, 4, 1), begins=True), ends=True, weight=3.0)),
]


@pytest.fixture(scope="module")
def vectors() -> NDArray[np.float64]:
    found = np.random.default_rng(3).standard_normal((TEMPLATES, WIDTH))
    return found / np.linalg.norm(found, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def learner(vectors: NDArray[np.float64]) -> PrivateLearner:
    made = PrivateLearner(TEMPLATES, RECORDS)
    made.see(vectors)
    made.gradients(START, RECORDS[0])
    return made


def by_tape(vectors: NDArray[np.float64], rec: Record) -> NDArray[np.float64]:
    """The gradient of one record's mean surprise as Keras and a tape find it."""
    network = NextStatement()
    network.adopt(START)
    table = tf.constant(vectors.astype(np.float32))
    with tf.GradientTape() as tape:
        total, weight = 0.0, 0.0
        for example in rec:
            for batch in batches([example], TEMPLATES):
                surprise = tf.nn.sparse_softmax_cross_entropy_with_logits(batch.targets, network(batch.rows, table))
                total += tf.reduce_sum(surprise * batch.weights)
                weight += batch.weights.sum()
        loss = total / weight
    variables = [
        *network.lstm.trainable_variables,
        *network.query.trainable_variables,
        *network.key.trainable_variables,
        network.marks,
    ]
    found = tape.gradient(loss, variables)
    return np.concatenate([np.ravel(tf.convert_to_tensor(g)) for g in found]).astype(np.float64)


@pytest.mark.parametrize("rec", RECORDS[1:], ids=range(5))
def test_the_gradient_of_a_record_is_the_one_that_a_tape_finds(
    learner: PrivateLearner, vectors: NDArray[np.float64], rec: Record
) -> None:
    np.testing.assert_allclose(learner.gradients(START, rec), by_tape(vectors, rec), atol=2e-6)


def drawn(*which: int) -> NDArray[np.bool_]:
    found = np.zeros(len(RECORDS), np.bool_)
    found[list(which)] = True
    return found


@pytest.mark.parametrize("clip", [0.05, 0.5, 1e6])
def test_no_record_adds_more_than_the_bound(learner: PrivateLearner, clip: float) -> None:
    everybody = learner.exact_sum(drawn(*range(6)), clip)
    for i in range(6):
        without = learner.exact_sum(drawn(*(j for j in range(6) if j != i)), clip)
        own = everybody - without
        assert np.linalg.norm(own) <= STEPS_OF_CLIP
        np.testing.assert_array_equal(own, np.rint(own))
        alone = learner.exact_sum(drawn(i), clip)
        assert np.linalg.norm(own - alone) < 1e-4 * STEPS_OF_CLIP  # 32 bits round a little otherwise in company


def test_a_clipped_gradient_keeps_its_direction_and_a_short_one_its_length(
    learner: PrivateLearner, vectors: NDArray[np.float64]
) -> None:
    true = by_tape(vectors, RECORDS[3])
    clipped = learner.exact_sum(drawn(3), 0.1) / STEPS_OF_CLIP
    assert np.linalg.norm(clipped) == pytest.approx(1.0, abs=1e-3)
    assert clipped @ true / np.linalg.norm(true) / np.linalg.norm(clipped) == pytest.approx(1.0, abs=1e-5)
    whole = learner.exact_sum(drawn(3), 100.0) / STEPS_OF_CLIP * 100.0
    np.testing.assert_allclose(whole, true, atol=1e-3)


def test_nobody_drawn_gives_nothing_but_noise(learner: PrivateLearner) -> None:
    assert not learner.exact_sum(drawn(), 1.0).any()
    noisy = learner.noisy_sum(Protection(noise=2.0, batch=1e-9), Randomness(KEY))
    assert noisy.std() == pytest.approx(2.0, rel=0.02)


def test_noise_stands_on_the_exact_sum_and_on_the_grid(learner: PrivateLearner) -> None:
    protection = Protection(noise=0.5, batch=6.0, clip=0.3)
    noisy = learner.noisy_sum(protection, Randomness(KEY))
    again = Randomness(KEY)
    chosen = again.drawn(6, 1.0)
    assert chosen.all()
    noise = again.whole_gaussian(len(noisy), 0.5 * STEPS_OF_CLIP)
    np.testing.assert_array_equal(noisy * STEPS_OF_CLIP, learner.exact_sum(chosen, 0.3) + noise)


def test_training_lowers_the_surprise_and_counts_its_steps(learner: PrivateLearner) -> None:
    protection = Protection(noise=0.1, batch=6.0)
    after, taken = learner.fit(START, protection, 40, 0.01, Randomness(KEY))
    assert taken == 40
    assert learner.loss(after) < learner.loss(START) * 0.8
    asked = iter([False, False, True])
    _, taken = learner.fit(START, protection, 40, 0.01, Randomness(KEY), lambda: next(asked))
    assert taken == 2


def test_training_stopped_before_it_began_changes_nothing(learner: PrivateLearner) -> None:
    after, taken = learner.fit(START, Protection(1.0, 6.0), 40, 0.01, Randomness(KEY), lambda: True)
    assert taken == 0
    np.testing.assert_array_equal(after.kernel, START.kernel)


def test_training_is_another_each_time(learner: PrivateLearner) -> None:
    one, _ = learner.fit(START, Protection(1.0, 6.0), 1, 0.01, Randomness(KEY))
    other, _ = learner.fit(START, Protection(1.0, 6.0), 1, 0.01, Randomness(bytes(32)))
    assert not np.array_equal(one.kernel, other.kernel)


def test_a_long_record_is_one_record_of_bounded_work(vectors: NDArray[np.float64]) -> None:
    long = record(*([0, 1, 2] * SEGMENT * MAX_PIECES))
    made = PrivateLearner(TEMPLATES, [long])
    made.see(vectors)
    made.gradients(START, long)
    assert np.linalg.norm(made.exact_sum(np.array([True]), 1e-3)) <= STEPS_OF_CLIP


def test_randomness_is_the_key_stream_of_chacha20() -> None:
    words = np.frombuffer(Cipher(algorithms.ChaCha20(KEY, bytes(16)), None).encryptor().update(bytes(80)), "<u8")
    made = Randomness(KEY)
    np.testing.assert_array_equal(np.concatenate([made.uniform(3), made.uniform(7)]), ((words >> 11) + 0.5) / 2**53)


def test_each_record_is_drawn_by_itself_with_the_stated_chance() -> None:
    made = Randomness(KEY)
    counts = np.array([made.drawn(1_000, 0.3).sum() for _ in range(500)])
    assert counts.mean() == pytest.approx(300, abs=2.5)
    assert counts.var() == pytest.approx(210, rel=0.2)  # that of a binomial: not a fixed number of records
    assert made.drawn(1_000, 1.0).all()


def test_noise_has_the_distribution_that_is_accounted_for() -> None:
    noise = Randomness(KEY).whole_gaussian(200_001, 1_000.0)
    np.testing.assert_array_equal(noise, np.rint(noise))
    normal = NormalDist(0, 1_000.0)
    for quantile in (0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999):
        share = float((noise <= normal.inv_cdf(quantile)).mean())
        assert abs(share - quantile) < 4 * math.sqrt(quantile * (1 - quantile) / len(noise))
    half = len(noise) // 2
    assert abs(np.corrcoef(noise[:half], noise[half + 1 :])[0, 1]) < 0.01


def test_the_rate_is_the_share_of_a_batch_and_at_most_all() -> None:
    assert Protection(1.0, 50.0).rate(200) == 0.25
    assert Protection(1.0, 500.0).rate(200) == 1.0
