"""Searches bytes for any part of very many secrets: runs of eight bytes as numbers, then the words around."""

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.planting.survivors import PART

LONGEST_CHUNK: Final = 4 << 20
_BUCKETS: Final = 27
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)
_OVER_A_BREAK: Final = np.uint64(0)
_PLAIN: Final = re.compile(rb"[0-9]+(?:\.[0-9]+)?|[0-9a-f]+|[0-9A-F]+")
_CHANCE: Final = 12
"""Digits or hexadecimal digits in a row, and numbers with a fraction, that are no chance: ids and times are many."""
_WORD: Final = re.compile(rb"[0-9A-Za-z]")

Windows = NDArray[np.uint64]


class Survivor(NamedTuple):
    """A part of a secret and where it was found; the secrets are nobody's, so it may be shown."""

    place: str
    part: str


class Search:
    """Knows every run of eight bytes of every secret, less those that stand in `harmless` texts too."""

    def __init__(self, secrets: Iterable[bytes], harmless: Iterable[bytes]) -> None:
        told = [secret for secret in secrets if len(secret) >= PART]
        self.secrets: Final = len(told)
        self._short: Final = frozenset(secret for secret in told if len(secret) < _CHANCE)
        known = np.unique(_windows(b"\n".join(told)))
        innocent = np.append(np.unique(_windows(b"\n".join(harmless))), _OVER_A_BREAK)
        self._known: Final = np.setdiff1d(known, innocent)
        self._buckets: Final = np.zeros(1 << _BUCKETS, np.bool_)
        self._buckets[_bucket(self._known)] = True

    def find(self, place: str, texts: Iterable[bytes]) -> Iterator[Survivor]:
        """Yield the parts of secrets in `texts`, which are searched one by one."""
        gathered: list[bytes] = []
        size = 0
        for text in texts:
            gathered.append(text)
            size += len(text)
            if size > LONGEST_CHUNK:
                yield from self._in(place, b"\n".join(gathered))
                gathered, size = [], 0
        if gathered:
            yield from self._in(place, b"\n".join(gathered))

    def _in(self, place: str, data: bytes) -> Iterator[Survivor]:
        windows = _windows(data)
        maybe = np.flatnonzero(self._buckets[_bucket(windows)])
        places = np.searchsorted(self._known, windows[maybe])
        hits = maybe[self._known[np.minimum(places, len(self._known) - 1)] == windows[maybe]]
        if not len(hits):
            return
        for run in np.split(hits, np.flatnonzero(np.diff(hits) != 1) + 1):
            start, end = int(run[0]), int(run[-1]) + PART
            if self._counts(data, start, end):
                yield Survivor(place, data[start:end].decode("utf-8", "replace"))

    def _counts(self, data: bytes, start: int, end: int) -> bool:
        """Tell whether what was found is more than chance: long enough, or the whole of a short secret as a word."""
        found = data[start:end]
        if len(found) >= _CHANCE or not _PLAIN.fullmatch(found):
            return True
        alone = not _WORD.match(data[max(start - 1, 0) : start]) and not _WORD.match(data[end : end + 1])
        return alone and found in self._short


def _windows(data: bytes) -> Windows:
    """Return each run of eight bytes as a number, by its place; those over a line break are all one."""
    count = max(len(data) - PART + 1, 0)
    found = np.zeros(count, np.uint64)
    for shift in range(min(PART, count)):
        whole = (len(data) - shift) // PART
        part = np.frombuffer(data, np.uint64, whole, shift)
        found[shift::PART] = part[: len(found[shift::PART])]
    breaks = np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n"))
    for back in range(PART):
        places = breaks - back
        found[places[(places >= 0) & (places < count)]] = _OVER_A_BREAK
    return found


def _bucket(windows: Windows) -> NDArray[np.int64]:
    return ((windows * _MIX) >> np.uint64(64 - _BUCKETS)).astype(np.int64)
