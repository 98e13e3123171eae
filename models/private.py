"""Randomness for differential privacy: who is drawn, and the noise, from a stream that nobody can foretell."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from numpy.typing import NDArray

Unit = Literal["sequence", "key"]
"""What a record is, and so what privacy is of: one sequence, or all sequences of one key (a session id, a host)."""

KEY: Final = 32
"""Bytes of a key; from os.urandom, never from a seed that a job names."""
STEPS_OF_CLIP: Final = 1 << 20
"""Gradients and noise are whole multiples of the clipping bound divided by this."""
_FRACTION: Final = 53
_WORD: Final = 8


@dataclass(frozen=True, slots=True)
class Protection:
    """What makes a training private. All of it is public."""

    noise: float
    """Standard deviation of the noise in units of the clipping bound."""
    batch: float
    """Records that take part in a step on average."""
    clip: float = 1.0
    """No record's gradient is longer."""

    def rate(self, records: int) -> float:
        """Return the chance of a record to take part in a step."""
        return min(self.batch / records, 1.0)


class Randomness:
    """ChaCha20 under a key from the operating system (RFC 8439): uniform, Gaussian, and draws."""

    def __init__(self, key: bytes) -> None:
        self._stream = Cipher(algorithms.ChaCha20(key, bytes(16)), None).encryptor()

    def uniform(self, size: int) -> NDArray[np.float64]:
        """Return numbers in (0, 1): the middles of 2^53 equal parts, so 0 never occurs."""
        words = np.frombuffer(self._stream.update(bytes(_WORD * size)), "<u8")
        return ((words >> np.uint64(64 - _FRACTION)).astype(np.float64) + 0.5) * 2.0**-_FRACTION

    def drawn(self, records: int, rate: float) -> NDArray[np.bool_]:
        """Return which records take part: each by itself with chance `rate` (Poisson sampling)."""
        return self.uniform(records) < rate

    def whole_gaussian(self, size: int, deviation: float) -> NDArray[np.float64]:
        """Return Gaussian noise rounded to whole numbers (Box, Muller 1958).

        What is released is a whole number plus this: the rounding of a real Gaussian mechanism, which costs no privacy.
        So low bits of floating point, by which released sums were told apart (Mironov 2012), are not in it. Beyond 8.5
        deviations there is no noise, which has a chance of 1e-17 a number.
        """
        half = -(-size // 2)
        radius = np.sqrt(-2.0 * np.log(self.uniform(half)))
        angle = 2.0 * np.pi * self.uniform(half)
        found = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])[:size]
        return np.rint(found * deviation)
