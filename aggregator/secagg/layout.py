"""Between a model and the one vector that is masked: weight, weighted metrics, weighted update; and what binds it."""

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from aggregator.secagg.member import Refused
from aggregator.secagg.primitives import digest, pack

MAX_WORDS: Final = 1 << 24
"""Of a vector: 128 MiB."""

Arrays = Mapping[str, NDArray[Any]]
Scalar = bool | int | float | str | bytes
Config = Mapping[str, Scalar | Sequence[Scalar]]


@dataclass(frozen=True, slots=True)
class Average:
    """What a round gives."""

    arrays: dict[str, NDArray[np.float32]]
    metrics: dict[str, float]
    """Weighted by the sites' weights."""
    weight: float
    """Of all survivors together."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Which numbers stand where. Server and sites work it out from the model, so it never travels."""

    shapes: tuple[tuple[str, tuple[int, ...]], ...]
    metrics: tuple[str, ...]

    @classmethod
    def of(cls, arrays: Arrays, metrics: Sequence[str]) -> "Layout":
        """Return the layout of a model and the names of the metrics that are averaged with it."""
        return cls(tuple((name, arrays[name].shape) for name in sorted(arrays)), tuple(metrics))

    @property
    def words(self) -> int:
        """Return the length of the vector."""
        return 1 + len(self.metrics) + sum(math.prod(shape) for _, shape in self.shapes)

    def vector(
        self, before: Arrays, after: Arrays, weight: float, metrics: Mapping[str, float]
    ) -> NDArray[np.float64] | Refused:
        """Return what a site adds to the sum: everything times its weight (its examples, say), which must be above 0.

        Refused where the trained model or the metrics are not those that were asked for.
        """
        if not (math.isfinite(weight) and weight > 0):
            return Refused("the weight of a site must be a number above 0")
        if set(metrics) != set(self.metrics):
            return Refused(f"the metrics are not {', '.join(self.metrics) or 'none'}")
        if any({n: a.shape for n, a in arrays.items()} != dict(self.shapes) for arrays in (before, after)):
            return Refused("the trained arrays have other names or shapes than the model that was sent")
        deltas = [
            after[name].ravel().astype(np.float64) - before[name].ravel().astype(np.float64) for name, _ in self.shapes
        ]
        head = np.array([1.0, *(metrics[name] for name in self.metrics)])
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is refused by name later
            return np.concatenate([head, *deltas]) * weight

    def average(self, before: Arrays, total: NDArray[np.float64]) -> Average | Refused:
        """Return the model `before` plus the mean update in the sum of the sites' vectors."""
        weight = float(total[0])
        if weight <= 0:
            return Refused("the sites' weights add up to nothing")
        mean = total[1:] / weight
        metrics = dict(zip(self.metrics, mean[: len(self.metrics)].tolist(), strict=True))
        arrays, at = {}, len(self.metrics)
        for name, shape in self.shapes:
            size = math.prod(shape)
            arrays[name] = (before[name] + mean[at : at + size].reshape(shape)).astype(np.float32)
            at += size
        return Average(arrays, metrics, weight)


def binding(arrays: Arrays, config: Config, metrics: Sequence[str]) -> bytes:
    """Return the digest of what was sent to be trained: model and configuration.

    It goes into every mask, so that sites which were sent different ones give noise and not a sum.
    """
    parts = [b"arrays"]
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)
        shape = struct.pack(f">{array.ndim}Q", *array.shape)
        parts += [name.encode(), little.dtype.str.encode(), shape, little.tobytes()]
    parts.append(b"config")
    for key in sorted(config):
        parts += [key.encode(), _value(config[key])]
    return digest(b"binding", *parts, b"metrics", *(name.encode() for name in metrics))


def _value(value: Scalar | Sequence[Scalar]) -> bytes:
    match value:
        case bool():
            return pack(b"bool", b"1" if value else b"0")
        case int():
            return pack(b"int", str(value).encode())
        case float():
            return pack(b"float", struct.pack(">d", value))
        case str():
            return pack(b"str", value.encode())
        case bytes():
            return pack(b"bytes", value)
        case _:
            return pack(b"list", *map(_value, value))
