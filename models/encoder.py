"""Text -> vector by hashed character n-grams and words; the network is trained in models/keras, used here in numpy."""

import re
import zlib
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.masking import WILDCARD

WIDTH: Final = 128
BUCKETS: Final = 8_192
PAD: Final = 0
"""Bucket that no feature falls into."""
_MAX_TEXT: Final = 512
_GRAMS: Final = (3, 4)
_PRIME: Final = np.uint32(16_777_619)
_SPREAD: Final = np.uint32(2_654_435_761)
_WORD: Final = re.compile(r"[a-z]+|<[a-z_-]+>")

Vectors = NDArray[np.float32]


def features(text: str) -> NDArray[np.int32]:
    """Return the buckets (1..BUCKETS-1) of a masked text's words and character 3- and 4-grams, whatever the case."""
    plain = " ".join(text.replace(WILDCARD, " ").lower().split())[:_MAX_TEXT]
    data = np.frombuffer(f" {plain} ".encode(), np.uint8).astype(np.uint32) + np.uint32(1)
    found = [
        np.array([zlib.crc32(word.encode()) for word in _WORD.findall(plain)], np.uint32),
    ]
    for size in _GRAMS:
        if len(data) >= size:
            rolling = np.full(len(data) - size + 1, size, np.uint32)
            for offset in range(size):
                rolling = rolling * _PRIME + data[offset : len(data) - size + 1 + offset]
            found.append(rolling * _SPREAD)
    hashed = np.concatenate(found)
    return ((hashed >> np.uint32(7)) % np.uint32(BUCKETS - 1) + np.uint32(1)).astype(np.int32)


@dataclass(frozen=True, slots=True)
class Encoder:
    """Gives a masked text its vector of length 1: the mean of its features' embeddings, one dense layer, normalised."""

    embedding: Vectors
    """[BUCKETS, WIDTH]"""
    kernel: Vectors
    """[WIDTH, WIDTH]"""
    bias: Vectors

    def encode(self, text: str) -> NDArray[np.float64]:
        """Return the vector [WIDTH] of a masked text."""
        found = features(text)
        pooled = self.embedding[found].mean(0, dtype=np.float64) if len(found) else np.zeros(WIDTH)
        out: NDArray[np.float64] = pooled @ self.kernel.astype(np.float64) + self.bias
        return out / max(float(np.linalg.norm(out)), 1e-9)
