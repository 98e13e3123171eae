"""Training data as it streams in: every line becomes the number of its masked text, no line is kept."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from deepsentry.events import SequenceKind
from models.masking import Masker, line_key
from models.prepare import MAX_LENGTH, LoggedSequence

MAX_TEXTS: Final = 100_000
MAX_SEQUENCES: Final = 200_000
MAX_LINES: Final = 5_000_000
_MAX_KEYS: Final = 500_000
_TELL: Final = 500
NOTHING: Final = -1
"""Stands for a text beyond the limits."""


class Progress(Protocol):
    """Hears how far a stage of training is; `total` is 0 where it is not known."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Take one report."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A sequence of text numbers (or, later, of template ids)."""

    kind: SequenceKind
    start: float
    end: float
    complete: bool
    lines: NDArray[np.int32]
    gaps: NDArray[np.float32]
    """Seconds from each line to the next, or empty."""
    key: str = ""
    """What the lines have in common: a session id, a host."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """All sequences by start, the distinct masked texts and how many lines had each."""

    sequences: tuple[Taken, ...]
    texts: tuple[str, ...]
    lines: NDArray[np.int64]
    offered: int
    """Sequences that were offered; where there were too many, every second, fourth ... was taken."""


def take(sequences: Iterable[LoggedSequence], progress: Progress) -> Corpus:
    """Read all sequences; memory is bounded by MAX_SEQUENCES, MAX_LINES and MAX_TEXTS."""
    masker = Masker()
    keys: dict[bytes, int] = {}
    numbers: dict[str, int] = {}
    taken: list[Taken] = []
    stride, held, offered = 1, 0, 0
    for sequence in sequences:
        offered += 1
        if offered % stride or not sequence.messages:
            continue
        found = np.empty(min(len(sequence.messages), MAX_LENGTH), np.int32)
        for place, message in enumerate(sequence.messages[:MAX_LENGTH]):
            key = line_key(message)
            number = keys.get(key)
            if number is None:
                text = masker.mask(key)
                number = numbers.get(text, NOTHING)
                if number == NOTHING and len(numbers) < MAX_TEXTS:
                    number = numbers[text] = len(numbers)
                if len(keys) >= _MAX_KEYS:
                    keys.clear()
                keys[key] = number
            found[place] = number
        gaps = np.diff(np.array(sequence.times[: len(found)], np.float64)).astype(np.float32)
        whole = sequence.complete and len(sequence.messages) <= MAX_LENGTH
        taken.append(Taken(sequence.kind, sequence.start, sequence.end, whole, found, gaps, sequence.key))
        held += len(found)
        if len(taken) > MAX_SEQUENCES or held > MAX_LINES:
            taken, stride = taken[::2], stride * 2
            held = sum(len(t.lines) for t in taken)
        if offered % _TELL == 0:
            progress("read", offered, 0)
    progress("read", offered, offered)
    taken.sort(key=lambda t: t.start)
    count = np.zeros(len(numbers), np.int64)
    for t in taken:
        np.add.at(count, t.lines[t.lines != NOTHING], 1)
    return Corpus(tuple(taken), tuple(numbers), count, offered)
