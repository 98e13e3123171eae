"""What may be shared of a version."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepsentry.errors import VersionRefused
from models.shared import (
    GREATEST,
    SHARED,
    base_digest,
    base_embedding,
    checked,
    digest,
    from_bytes,
    initial,
    networks_of,
    to_bytes,
    weights_of,
)


def test_weights_come_back_from_their_bytes() -> None:
    weights = initial(3)
    assert digest(from_bytes(to_bytes(weights))) == digest(weights)


def test_networks_and_weights_are_two_views_of_the_same() -> None:
    weights = initial(0)
    assert digest(weights_of(*networks_of(weights))) == digest(weights)


def test_what_is_shared_depends_on_no_statement() -> None:
    assert all(size > 0 for shape in SHARED.values() for size in shape)
    assert "encoder.embedding" not in SHARED
    assert sum(a.nbytes for a in initial(0).values()) < 400_000


def test_the_base_is_the_same_everywhere() -> None:
    assert base_digest() == "d4adfa8b40650fedba5050e43f13adc556daca8597e7eb8dac98800f70177e92"
    assert hashlib.sha256(base_embedding().tobytes()).hexdigest() == base_digest()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 2 * GREATEST])
def test_a_value_that_is_no_bounded_number_is_refused(value: float) -> None:
    weights = initial(0)
    weights["lstm.bias"] = weights["lstm.bias"].copy()
    weights["lstm.bias"][7] = value
    with pytest.raises(VersionRefused, match=r"lstm\.bias"):
        checked(weights)


def test_other_names_shapes_and_kinds_are_refused() -> None:
    weights = initial(0)
    with pytest.raises(VersionRefused, match="missing or not ours"):
        checked({**weights, "encoder.embedding": np.zeros((8, 8), np.float32)})
    with pytest.raises(VersionRefused, match=r"mark\.end has the shape"):
        checked({**weights, "mark.end": np.zeros(4, np.float32)})
    with pytest.raises(VersionRefused, match=r"mark\.end holds float64"):
        checked({**weights, "mark.end": np.zeros(128)})


@given(st.binary(max_size=2000))
def test_bytes_of_strangers_are_weights_or_refused(data: bytes) -> None:
    with pytest.raises(VersionRefused):
        from_bytes(data)
