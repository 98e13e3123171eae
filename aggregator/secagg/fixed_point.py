"""Numbers as members of the ring of 64-bit words, in which masks vanish exactly: 24 bits after the point."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from aggregator.secagg.member import Refused
from aggregator.secagg.primitives import Ring

FRACTION_BITS: Final = 24
LARGEST: Final = float(1 << 20)
"""Of a coordinate times its weight; leaves room for 2^19 sites."""
_ONE: Final = 1 << FRACTION_BITS


def to_ring(values: NDArray[np.float64]) -> Ring | Refused:
    """Return `values` rounded to 2^-24. What does not fit is refused: to clip it in silence would bend the sum."""
    if not np.isfinite(values).all():
        return Refused("the update holds a value that is not a finite number")
    if np.abs(values).max(initial=0.0) > LARGEST:
        return Refused(f"the weighted update exceeds {LARGEST:.0f}; give the sites smaller weights")
    return np.rint(values * _ONE).astype(np.int64).view(np.uint64)


def from_ring(ring: Ring) -> NDArray[np.float64]:
    """Return the numbers that ring members stand for."""
    return ring.view(np.int64).astype(np.float64) / _ONE


def plausible(values: NDArray[np.float64], sites: int) -> bool:
    """Tell whether so many sites can have this sum; masks that did not vanish leave words from the whole ring."""
    return bool(np.abs(values).max(initial=0.0) <= sites * LARGEST)
