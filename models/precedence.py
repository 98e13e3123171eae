"""Precedence: which statement comes before which in a session, and orders that none of many sessions ever had."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

OCCURRENCES: Final = 4
"""The first so many lines of a statement are told apart; of what repeats more often, the rest is for the LSTM."""
MAX_EVENTS: Final = 512
"""Kinds of lines whose order is counted, the most frequent ones; the table is a square of them."""
DOUBT: Final = 0.1
"""Sessions supposed in either order beforehand: so few that a single real one takes back most of the strain."""

Event = tuple[int, int]
"""(template, how many lines of it came before)."""


@dataclass(frozen=True, slots=True)
class Disorder:
    """The line that is most out of order, and the one that it should not come before or after."""

    line: int
    other: int
    sessions: int
    """Training sessions that had both."""
    otherwise: int
    """Those of them that had the two in the other order than here."""


def events(templates: Sequence[int]) -> list[tuple[Event, int]]:
    """Return the events of a sequence in their order, each with its place."""
    seen: Counter[int] = Counter()
    found = []
    for place, template in enumerate(templates):
        nth = seen[template]
        if nth < OCCURRENCES:
            found.append(((template, nth), place))
            seen[template] = nth + 1
    return found


class Precedence:
    """How many training sessions had one event before another.

    The strain of a pair is -log of the share of sessions with both that had them in that order, in nats: about the log
    of their number where none had, near 0 where most had. That of a sequence is its greatest, so it only grows with
    the lines: an unfinished sequence is never stranger than the same one finished.
    """

    def __init__(self, known: Iterable[Event], before: NDArray[np.int32]) -> None:
        """Take events and `before` [events, events]: sessions in which the row's came before the column's."""
        self.known = tuple(known)
        self.before = before
        self._row = {event: row for row, event in enumerate(self.known)}
        self._strains = _strains(before.astype(np.float64))
        self._later = np.triu(np.ones(before.shape), 1)

    @classmethod
    def of(cls, sessions: Mapping[tuple[int, ...], int]) -> "Precedence":
        """Count the orders in sessions (template ids, negative ones unknown) that occur so many times."""
        found = {session: [e for e in events(session) if e[0][0] >= 0] for session in sessions}
        held: Counter[Event] = Counter()
        for session, times in sessions.items():
            for event, _ in found[session]:
                held[event] += times
        known = [event for event, _ in sorted(held.items(), key=lambda item: (-item[1], item[0]))[:MAX_EVENTS]]
        row = {event: i for i, event in enumerate(known)}
        before = np.zeros((len(known), len(known)), np.int32)
        for session, times in sessions.items():
            rows = np.array([row[event] for event, _ in found[session] if event in row], np.int64)
            before[np.ix_(rows, rows)] += np.triu(np.full((len(rows), len(rows)), times, np.int32), 1)
        return cls(known, before)

    def strain(self, templates: Sequence[int]) -> float:
        """Return the greatest strain in a sequence of template ids; 0 where no two lines were counted."""
        rows, _ = self._rows(templates)
        return float(self._among(rows).max()) if rows else 0.0

    def strain_among_others(self, templates: Sequence[int]) -> float:
        """Return the strain of one of the sequences that were counted, as it would be had it not been."""
        rows, _ = self._rows(templates)
        if not rows:
            return 0.0
        later = self._later[: len(rows), : len(rows)]
        return float((_strains(self.before[np.ix_(rows, rows)] - later) * later).max())

    def disorder(self, templates: Sequence[int], least: float) -> Disorder | None:
        """Return the line with the most strains above `least`, and the line with which it has the worst; or None."""
        rows, places = self._rows(templates)
        if not rows:
            return None
        strains = self._among(rows)
        strains = strains + strains.T
        broken = strains > least
        if not broken.any():
            return None
        line = int(broken.sum(1).argmax())
        other = int(strains[line].argmax())
        first, last = rows[min(line, other)], rows[max(line, other)]
        otherwise = int(self.before[last, first])
        return Disorder(places[line], places[other], otherwise + int(self.before[first, last]), otherwise)

    def strained(self, templates: Sequence[int], least: float) -> list[tuple[Event, Event]]:
        """Return the pairs of events (earlier, later) whose order has a strain above `least`."""
        rows, _ = self._rows(templates)
        if not rows:
            return []
        first, second = np.nonzero(self._among(rows) > least)
        return [
            (self.known[rows[i]], self.known[rows[j]]) for i, j in zip(first.tolist(), second.tolist(), strict=True)
        ]

    def _rows(self, templates: Sequence[int]) -> tuple[list[int], list[int]]:
        """Return the rows of the events of a sequence in their order, and their places."""
        rows, places = [], []
        for event, place in events(templates):
            row = self._row.get(event)
            if row is not None:
                rows.append(row)
                places.append(place)
        return rows, places

    def _among(self, rows: list[int]) -> NDArray[np.float64]:
        """Return the strain of each pair [earlier, later] of events in their order; 0 for all other cells."""
        table = self._strains.take(rows, 0).take(rows, 1)
        found: NDArray[np.float64] = table * self._later[: len(rows), : len(rows)]
        return found


def _strains(before: NDArray[np.float64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.log((before + before.T + 2 * DOUBT) / (before + DOUBT))
    return found
