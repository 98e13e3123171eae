import numpy as np
import pytest

from models.encoder import Encoder, features
from models.keras.encoder import TextEncoder, pad, train_encoder
from models.keras.runtime import prepare
from models.keras.sequence import NextStatement
from models.sequence import Model, Walk

TEXTS = ["request <*> opened", "cart <*> loaded with <*> items", "request <*> answered in <*> ms"]


@pytest.fixture(scope="module")
def encoder() -> Encoder:

    prepare(0)

    return train_encoder(TEXTS, 0, 10, lambda _done, _total: None)


def test_the_encoder_gives_the_same_vectors_in_keras_and_in_numpy() -> None:

    network = TextEncoder()
    theirs = np.asarray(network(pad(TEXTS)))
    ours = np.array([network.export().encode(text) for text in TEXTS])
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_the_lstm_expects_the_same_in_keras_and_in_numpy(encoder: Encoder) -> None:

    vectors = np.array([encoder.encode(text) for text in TEXTS])
    network = NextStatement()
    rows = np.array([[3, 0, 1, 1, 2], [4, 2, 2, 0, 1]], np.int32)
    logits = np.asarray(network(rows, vectors.astype(np.float32)))
    theirs = logits - np.log(np.exp(logits).sum(2, keepdims=True))
    model = Model(network.export(), vectors, np.ones(3, np.bool_))
    ours = model.expect([Walk((0, 1, 1, 2), begins=True), Walk((2, 2, 0, 1), begins=False)])
    np.testing.assert_allclose(np.array(ours), theirs, atol=1e-4)


def test_a_reworded_statement_is_nearer_to_its_old_self_than_to_others(encoder: Encoder) -> None:
    vectors = np.array([encoder.encode(text) for text in TEXTS])
    assert int((vectors @ encoder.encode("Cart <*> now loaded with <*> items")).argmax()) == 1


def test_padding_is_no_feature() -> None:
    assert all((features(text) > 0).all() for text in TEXTS)
