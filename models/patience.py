"""How long a session may stay silent after each statement before it is over, learned from the silences in a log."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.intake import NOTHING, Taken

_MARGIN: Final = 3.0
"""A session that is closed too early is judged as broken, and what follows as headless; one that is closed too late has
been judged as it stood long before. So the longest silence seen is taken threefold."""
_ODD: Final = 1_000
"""One silence of so many may be left out as odd."""
_ENDED: Final = 100
"""Where so many sessions ended, a single one that was resumed much later is odd."""


def waiting_times(taken: Sequence[Taken], observed: Sequence[tuple[int, ...]], templates: int) -> NDArray[np.float64]:
    """Return for each template the seconds until the next line of its session at the latest; 0 where none followed.

    That is the longest silence seen, times _MARGIN. Single odd silences count for nothing where sessions end: a request
    id that is used again an hour later holds no other request open.
    """
    gaps: list[list[float]] = [[] for _ in range(templates)]
    silent: list[list[float]] = [[] for _ in range(templates)]
    over = max((t.end for t in taken), default=0.0)
    for sequence, ids in zip(taken, observed, strict=True):
        if sequence.kind != "session" or len(sequence.gaps) != len(ids) - 1:
            continue
        for template, gap in zip(ids, sequence.gaps.tolist(), strict=False):
            if template != NOTHING:
                gaps[template].append(gap)
        if ids[-1] != NOTHING:
            silent[ids[-1]].append(over - sequence.end)
    return np.array([_latest(np.array(g), np.array(s)) * _MARGIN for g, s in zip(gaps, silent, strict=True)])


def complete(taken: Taken, templates: tuple[int, ...], waiting: NDArray[np.float64], over: float) -> bool:
    """Return whether a sequence of a log that ends `over` had its time to go on."""
    if taken.kind == "window" or not taken.complete:
        return taken.complete
    last = templates[-1]
    return last == NOTHING or over - taken.end >= waiting[last]


def _latest(gaps: NDArray[np.float64], silent: NDArray[np.float64]) -> float:
    longest = np.append(np.sort(gaps)[::-1], 0.0)
    odd = 0
    while odd < len(gaps):
        ended = int((silent > longest[odd + 1] * _MARGIN).sum())
        if ended < _ENDED or odd >= max(1, (len(gaps) + ended) // _ODD):
            break
        odd += 1
    return float(longest[odd])
