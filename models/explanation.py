"""Why a sequence is strange, in the words of a person on call."""

import math
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, assert_never

import msgspec
import numpy as np
from numpy.typing import NDArray

from deepsentry.events import Expectation, Explanation, Neighbour, ViewScore
from models.artifact import Limits
from models.novelty import UNKNOWN
from models.precedence import Disorder
from models.prepare import Verdict
from models.profile import Counts

Text = Callable[[int], str]

_EXPECTED: Final = 3
_LONG: Final = 140
_SHORT: Final = 70
_BRIEF: Final = 40
"""Characters of a statement in a sentence that names one, two or four of them, so that none exceeds about 200."""
_AGAIN: Final = 3
_END: Final = "(end of sequence)"
_HEADER: Final = re.compile(r"^(?:(?:<\*>|\[?(?:TRACE|DEBUG|INFO|NOTICE)\]?:?) +)+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was measured on one sequence."""

    templates: tuple[int, ...]
    known: tuple[int, ...]
    """The same with rewordings resolved and UNKNOWN for new statements."""
    usual: tuple[int, ...]
    """Places of statements that normal training sequences had."""
    expected: NDArray[np.float64]
    """Log-probabilities [usual + 1, templates + 1]; row i is what was expected at place usual[i], the last the end."""
    surprises: NDArray[np.float64]
    """Of the usual lines, and of the end where the sequence has one."""
    neighbour: Counts
    distance: float
    complete: bool
    disorder: Disorder | None = None
    """Lines, by their number among the usual ones, in an order that is too strange to be normal."""

    @property
    def strange(self) -> tuple[int, ...]:
        """Places of statements that no normal training sequence had."""
        usual = set(self.usual)
        return tuple(i for i in range(len(self.templates)) if i not in usual)


@dataclass(frozen=True, slots=True)
class _Finding:
    """What one view has to say: a sentence, and the place of the line it is about."""

    sentence: str
    place: int | None


def explain(evidence: Evidence, verdict: Verdict, text: Text, limits: Limits) -> Explanation:
    """Return the explanation of a verdict; its first view gives the summary and the deviating line."""
    neighbour = _difference(evidence, text)
    findings = {view.view: _finding(view, evidence, neighbour, text, limits) for view in verdict.views}
    first = findings[verdict.views[0].view]
    place = first.place
    return Explanation(
        summary=first.sentence,
        views=tuple(msgspec.structs.replace(view, detail=findings[view.view].sentence) for view in verdict.views),
        deviation=place,
        template="" if place is None else text(evidence.templates[place]),
        expected=_expectations(evidence, place, text),
        neighbour=neighbour,
    )


def _finding(view: ViewScore, evidence: Evidence, neighbour: Neighbour, text: Text, limits: Limits) -> _Finding:
    match view.view:
        case "novelty":
            return _novelty(evidence, text)
        case "profile":
            return _profile(evidence, neighbour, limits)
        case "sequence":
            return _sequence(evidence, text, limits)
        case _ as never:
            assert_never(never)


def _novelty(evidence: Evidence, text: Text) -> _Finding:
    if not evidence.strange:
        return _Finding("every statement is known", None)
    place, *_ = evidence.strange
    known = evidence.known[place]
    how = "was never seen before" if known == UNKNOWN else "was seen before only where something was wrong"
    more = len({evidence.templates[i] for i in evidence.strange}) - 1
    others = f" (and {more} more new ones)" if more else ""
    return _Finding(f"line {place + 1} {how}: {_short(text(evidence.templates[place]), _LONG)}{others}", place)


def _profile(evidence: Evidence, neighbour: Neighbour, limits: Limits) -> _Finding:
    parts = []
    if neighbour.missing:
        parts.append("missing: " + _counted(neighbour.missing))
    if neighbour.extra:
        parts.append("too much: " + _counted(neighbour.extra))
    if not parts:
        return _Finding("the statements and their numbers are as in a normal sequence", None)
    place = _first_extra(evidence)
    if place is None and len(evidence.surprises):
        worst = int(evidence.surprises.argmax())
        if worst < len(evidence.usual) and evidence.surprises[worst] > limits.sequence.threshold:
            place = evidence.usual[worst]
    return _Finding("; ".join(parts), place)


def _first_extra(evidence: Evidence) -> int | None:
    usual = dict(evidence.neighbour)
    seen: Counter[int] = Counter()
    for i, template in enumerate(evidence.known):
        seen[template] += 1
        if template != UNKNOWN and seen[template] > usual.get(template, 0):
            return i
    return None


def _sequence(evidence: Evidence, text: Text, limits: Limits) -> _Finding:
    if evidence.disorder is not None:
        return _disorder(evidence, evidence.disorder, text)
    if not len(evidence.surprises):
        return _Finding("too short to judge its order", None)
    over = np.flatnonzero(evidence.surprises > limits.sequence.threshold)
    worst = int(over[0]) if len(over) else int(evidence.surprises.argmax())
    likely = _top(evidence, worst, text)[0]
    hint = f"expected {_short(likely.template)} ({likely.probability:.0%})"
    if worst >= len(evidence.usual):
        return _Finding(f"stops after line {len(evidence.templates)}; {hint}", None)
    place = evidence.usual[worst]
    mine = evidence.templates[place]
    again = evidence.templates[place:].count(mine)
    if not len(over) and again >= _AGAIN:
        return _Finding(f"from line {place + 1} on {again} times: {_short(text(mine))}; {hint}", place)
    return _Finding(f"line {place + 1} is not what comes there: {_short(text(mine))}; {hint}", place)


def _disorder(evidence: Evidence, found: Disorder, text: Text) -> _Finding:
    place, other = evidence.usual[found.line], evidence.usual[found.other]
    came, usually = ("before", "after") if place < other else ("after", "before")
    lines = f"line {place + 1} came {came} line {other + 1} ({_short(text(evidence.templates[other]), _BRIEF)})"
    share = (
        f"all {found.sessions:,}" if found.otherwise == found.sessions else f"{found.otherwise:,} of {found.sessions:,}"
    )
    mine = _short(text(evidence.templates[place]), _SHORT)
    return _Finding(f"{lines}, but {usually} it in {share} normal sessions: {mine}", place)


def _expectations(evidence: Evidence, place: int | None, text: Text) -> tuple[Expectation, ...]:
    before = len(evidence.usual) if place is None else sum(i < place for i in evidence.usual)
    return tuple(_top(evidence, before, text))


def _top(evidence: Evidence, row_number: int, text: Text) -> list[Expectation]:
    row = evidence.expected[row_number].copy()
    end = len(row) - 1
    found = []
    # to sort two thousand for the sake of three costs a tenth of a millisecond
    for _ in range(min(_EXPECTED, len(row))):
        best = int(row.argmax())
        found.append(Expectation(_END if best == end else text(best), round(math.exp(row[best]), 4)))
        row[best] = -math.inf
    return found


def _difference(evidence: Evidence, text: Text) -> Neighbour:
    mine = Counter(t for t in evidence.known if t != UNKNOWN)
    usual = Counter(dict(evidence.neighbour))
    missing = usual - mine if evidence.complete else Counter[int]()
    extra = mine - usual
    return Neighbour(
        distance=evidence.distance,
        missing={text(t): n for t, n in sorted(missing.items())},
        extra={text(t): n for t, n in sorted(extra.items())},
    )


def _counted(found: dict[str, int]) -> str:
    ranked = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    shown = ", ".join(f"{n} x {_short(text, _BRIEF)}" for text, n in ranked[:2])
    more = len(ranked) - 2
    return shown + (f" and {more} other{'s' if more > 1 else ''}" if more > 0 else "")


def _short(text: str, most: int = _SHORT) -> str:
    """Return a statement without the times and everyday levels that it begins with, at most so many characters."""
    plain = _HEADER.sub("", text) or text
    return plain if len(plain) <= most else plain[: most - 3] + "..."
