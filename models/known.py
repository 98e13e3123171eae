"""What people judged, at work in a version: what is strange in the way of a false alarm is excused.

Only what would be an alarm is looked at, so no verdict on a normal sequence changes. Every judged sequence excuses by
itself: it is odd in all that the new one is odd in. Whatever was judged true, and is no less like it, forbids that. So
the order of verdicts means nothing, and without them all is as before.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from deepsentry.events import Judgement, SequenceKind, Shape
from deepsentry.shapes import Places, moved, places
from models.precedence import Event
from models.prepare import MAX_LENGTH, Verdict
from models.profile import Counts, Neighbours

MOST: Final = 2_000
"""Judged sequences that a version carries, the newest."""
NEAR: Final = 0.1
"""Share of the profile view's threshold within which a sequence is made of what the judged one is made of."""
MOVED: Final = 0.25
"""Share of a sequence by which a line may stand elsewhere than in the judged one."""
_LONGEST: Final = 100_000
"""Characters of a statement."""
_OWN: Final = 1.0 / 0.3
"""Weight in the profile of a statement that training never had: that of one that is in every sequence alike."""

Token = int | str
"""A statement: its id where the version knows it, else its text."""


class Judged(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sequence and what was said of it; an anomaly's id says which verdict it came from."""

    anomaly: str
    judgement: Judgement
    shape: Shape
    kind: SequenceKind
    complete: bool


@dataclass(frozen=True, slots=True)
class Oddness:
    """In what way a sequence is strange, beside what the views measured of it."""

    tokens: tuple[Token, ...]
    """Its statements in their order, rewordings resolved."""
    odd: frozenset[Token]
    """Those that no normal training sequence had."""
    kind: SequenceKind
    complete: bool
    surprising: tuple[int, ...]
    """Places of lines that the sequence view finds too surprising; the number of lines stands for the end."""
    strained: tuple[tuple[Event, Event], ...]
    """Pairs of events in an order that is too strange, as (earlier, later) by their tokens."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A judged sequence, ready to be compared."""

    judged: Judged
    tokens: tuple[Token, ...]
    odd: frozenset[Token]
    steps: frozenset[tuple[Token | None, Token | None]]
    """What follows on what; None before the first line and after the last."""
    places: Places[Token]


class Known:
    """The judged sequences of a version."""

    def __init__(
        self,
        judged: Iterable[Judged],
        token: Callable[[str], Token],
        usual: frozenset[int],
        weights: NDArray[np.float32],
        near: float = NEAR,
    ) -> None:
        """Take what gives the token of a text, the ids of usual statements, and the profile's weights by id."""
        self._near = near
        self._ids: dict[Token, int] = {i: i for i in range(len(weights))}
        self._known = [_known(each, token, usual) for each in judged]
        for known in self._known:
            for each in known.tokens:
                self._ids.setdefault(each, len(self._ids))
        own = np.full(len(self._ids) - len(weights), _OWN, np.float32)
        self._profiles = Neighbours([self._profile(known.tokens) for known in self._known], np.append(weights, own))

    def __len__(self) -> int:
        return len(self._known)

    def excuse(self, odd: Oddness, threshold: float) -> str:
        """Return the id of the anomaly that excuses a sequence; empty where none does.

        `threshold` is the profile view's.
        """
        if not self._known or not odd.odd <= self._ids.keys():
            return ""
        distances = self._profiles.distances(self._profile(odd.tokens), complete=odd.complete)
        mine = places(odd.tokens)
        best: dict[Judgement, tuple[float, str]] = {}
        for row in np.flatnonzero(distances <= self._near * threshold).tolist():
            known = self._known[row]
            if self._same(known, odd, mine):
                judgement = known.judged.judgement
                found = float(distances[row]), known.judged.anomaly
                best[judgement] = min(best.get(judgement, found), found)
        if "false_alarm" not in best or best.get("true", (np.inf, ""))[0] <= best["false_alarm"][0]:
            return ""
        return best["false_alarm"][1]

    @staticmethod
    def _same(known: _Known, odd: Oddness, mine: Places[Token]) -> bool:
        if known.judged.kind != odd.kind or odd.odd != known.odd or moved(mine, known.places) > MOVED:
            return False
        tokens: tuple[Token | None, ...] = (*odd.tokens, None)
        for place in odd.surprising:
            before = tokens[place - 1] if place else None
            if (before, tokens[place]) not in known.steps:
                return False
        theirs = known.places
        return all(
            earlier in theirs and later in theirs and theirs[earlier] < theirs[later] for earlier, later in odd.strained
        )

    def _profile(self, tokens: Sequence[Token]) -> Counts:
        return tuple(sorted(Counter(self._ids[token] for token in tokens if token in self._ids).items()))


def unusable(judged: Sequence[Judged]) -> str:
    """Return what is wrong with judged sequences that were read from elsewhere; empty where nothing is."""
    if len(judged) > MOST:
        return f"has {len(judged)} judged sequences, not at most {MOST}"
    for each in judged:
        shape = each.shape
        if not 0 < len(shape.lines) <= MAX_LENGTH or any(len(text) > _LONGEST for text in shape.texts):
            return "has a sequence that is too long"
        if not all(0 <= line < len(shape.texts) for line in shape.lines):
            return "names statements out of range"
    return ""


def excused(verdict: Verdict) -> Verdict:
    """Return a verdict that is no alarm any more, its views at their thresholds."""
    views = tuple(msgspec.structs.replace(view, score=min(view.score, 1.0)) for view in verdict.views)
    return Verdict(min(verdict.score, 1.0), views)


def _known(judged: Judged, token: Callable[[str], Token], usual: frozenset[int]) -> _Known:
    texts = [token(text) for text in judged.shape.texts]
    tokens = tuple(texts[line] for line in judged.shape.lines)
    ended: tuple[Token | None, ...] = (None,) if judged.complete else ()
    padded: tuple[Token | None, ...] = (None, *tokens, *ended)
    return _Known(
        judged,
        tokens,
        frozenset(each for each in tokens if each not in usual),
        frozenset(pairwise(padded)),
        places(tokens),
    )
