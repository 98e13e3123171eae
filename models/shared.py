"""What many sites may share of a version: weights that name no statement. All else stays where it was learned."""

import functools
import hashlib
from collections.abc import Mapping
from typing import Final, NoReturn

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from deepsentry.errors import VersionRefused
from models.artifact import SHAPES
from models.encoder import BUCKETS, WIDTH, Encoder
from models.sequence import UNITS, Network

Weights = dict[str, NDArray[np.float32]]
"""Array name, as in a version -> float32 array."""

ENCODER: Final = ("encoder.kernel", "encoder.bias")
SEQUENCE: Final = (
    "lstm.kernel",
    "lstm.recurrent",
    "lstm.bias",
    "query.kernel",
    "query.bias",
    "key.kernel",
    "mark.start",
    "mark.cut",
    "mark.end",
)
SHARED: Final[dict[str, tuple[int, ...]]] = {name: SHAPES[name] for name in (*ENCODER, *SEQUENCE)}
"""Array name -> shape. The embedding is not among them: a changed row would tell which words a site's log has."""
GREATEST: Final = 1_000.0
"""No weight is greater; trained ones stay below 10."""
MOST_BYTES: Final = 8 << 20
_BASE_SEED: Final = 1


@functools.cache
def base_embedding() -> NDArray[np.float32]:
    """Return the embedding that all sites have in common: random directions, learned from no log."""
    rng = np.random.Generator(np.random.PCG64(_BASE_SEED))
    found = rng.standard_normal((BUCKETS, WIDTH), np.float32)
    found.setflags(write=False)
    return found


@functools.cache
def base_digest() -> str:
    """Return the SHA-256 of the base embedding, by which two sides see that they have the same."""
    return hashlib.sha256(base_embedding().tobytes()).hexdigest()


def initial(seed: int) -> Weights:
    """Return the weights that a federation begins with; they need no TensorFlow and no data."""
    rng = np.random.default_rng(seed)

    def uniform(*shape: int) -> NDArray[np.float64]:
        reach = np.sqrt(6.0 / sum(shape))  # Glorot, Bengio 2010
        return rng.uniform(-reach, reach, shape)

    recurrent, _ = np.linalg.qr(rng.standard_normal((4 * UNITS, UNITS)))
    bias = np.zeros(4 * UNITS)
    bias[UNITS : 2 * UNITS] = 1.0  # a cell forgets nothing before it has learned to
    marks = uniform(3, WIDTH)
    found = {
        "encoder.kernel": np.eye(WIDTH),
        "encoder.bias": np.zeros(WIDTH),
        "lstm.kernel": uniform(WIDTH, 4 * UNITS),
        "lstm.recurrent": recurrent.T,
        "lstm.bias": bias,
        "query.kernel": uniform(UNITS, WIDTH),
        "query.bias": np.zeros(WIDTH),
        "key.kernel": 3.0 * np.eye(WIDTH),
        "mark.start": marks[0],
        "mark.cut": marks[1],
        "mark.end": marks[2],
    }
    return {name: np.ascontiguousarray(array, np.float32) for name, array in found.items()}


def checked(arrays: Mapping[str, NDArray[np.generic]]) -> Weights:
    """Return `arrays` if they are exactly the shared weights: names, shapes, float32, finite, bounded.

    Raises VersionRefused with the first array that is not.
    """
    if set(arrays) != set(SHARED):
        odd = sorted(set(arrays) ^ set(SHARED))
        _refuse(f"{len(odd)} arrays are missing or not ours, {odd[0][:40]!r} among them")
    found: Weights = {}
    for name, shape in SHARED.items():
        array = arrays[name]
        if array.shape != shape:
            _refuse(f"{name} has the shape {list(array.shape)[:4]}, not {list(shape)}")
        if array.dtype != np.float32:
            _refuse(f"{name} holds {array.dtype}, not float32")
        if not np.isfinite(array).all():
            _refuse(f"{name} holds a value that is not a number")
        if float(np.abs(array).max()) > GREATEST:
            _refuse(f"{name} holds a value beyond {GREATEST:g}")
        found[name] = array.astype(np.float32)
    return found


def digest(weights: Weights) -> str:
    """Return the SHA-256 of names, shapes and values."""
    sha = hashlib.sha256()
    for name in sorted(weights):
        sha.update(f"{name}{weights[name].shape}".encode())
        sha.update(np.ascontiguousarray(weights[name], "<f4").tobytes())
    return sha.hexdigest()


def to_bytes(weights: Weights) -> bytes:
    """Return the weights as a safetensors file."""
    return safetensors.numpy.save({name: np.ascontiguousarray(a) for name, a in weights.items()})


def from_bytes(data: bytes) -> Weights:
    """Return the weights in a safetensors file. Raises VersionRefused."""
    if len(data) > MOST_BYTES:
        _refuse(f"the weights take {len(data)} bytes, more than {MOST_BYTES}")
    try:
        return checked(safetensors.numpy.load(data))
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError):
        _refuse("the weights are not a safetensors file")


def networks_of(weights: Weights) -> tuple[Encoder, Network]:
    """Return the encoder, over the base embedding, and the LSTM."""
    w = weights
    encoder = Encoder(base_embedding(), w["encoder.kernel"], w["encoder.bias"])
    return encoder, Network(*(w[name] for name in SEQUENCE))


def weights_of(encoder: Encoder, network: Network) -> Weights:
    """Return what of these networks may be shared."""
    values = (
        network.kernel,
        network.recurrent,
        network.bias,
        network.query,
        network.query_bias,
        network.key,
        network.start,
        network.cut,
        network.end,
    )
    return {
        "encoder.kernel": encoder.kernel,
        "encoder.bias": encoder.bias,
        **dict(zip(SEQUENCE, values, strict=True)),
    }


def _refuse(reason: str) -> NoReturn:
    raise VersionRefused(reason)
