"""Finds what keys a sequence: the pattern of the session id, learned from unlabelled lines.

A session id is a value of one spelling (a shape) that lines of different kinds share while they stand close together,
and new ones keep arriving. Everything else that varies fails one of these: sizes, ports and durations stand in single
lines or in lines of one kind; hosts, users and the threads of a pool are soon all known; clocks only rise and never
interleave. The rule is the same for every source: a shape qualifies when at least `OF_MATCHED` of the lines that hold
it stand in sessions and at least `ARRIVING` of its values are first seen in the second half of those lines; of the
shapes that qualify, the one with the largest share of all lines in sessions is taken, if that is at least `OF_LINES`.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import fmean, median
from typing import Final

LINES: Final = 50_000
"""Lines looked at, from the first."""
WIDTH: Final = 2_000
"""Characters looked at of a line."""
SESSIONS: Final = 8
"""Sessions that must be seen before a shape is believed."""
OF_LINES: Final = 0.25
OF_MATCHED: Final = 0.5
ARRIVING: Final = 0.15
CLOSE: Final = 0.25
"""A value is a session when the median distance between its successive lines is at most this share of what it would
be, on average, were they spread over the whole sample."""
SAME: Final = 0.3
"""Share of common values from which two shapes are spellings of one id."""

_HEX4: Final = "[0-9a-fA-F]{4}"
UUID: Final = rf"[0-9a-fA-F]{{8}}-{_HEX4}-{_HEX4}-{_HEX4}-[0-9a-fA-F]{{12}}"
_NAMES: Final = ("[tT]race", "[rR]equest", "[cC]orrelation")
DEFAULT_PATTERNS: Final = (
    r"\bblk_-?\d+",
    *(rf"{name}[_.-]?[iI][dD][\"']?\s?[=:]\s?[\"']?([0-9A-Za-z][0-9A-Za-z_-]{{3,127}})" for name in _NAMES),
    *(rf"\b{name}(?:[_.-]?[iI][dD])?[ =:#/\[-][ \"']?({UUID})" for name in (*_NAMES, "[rR]eq")),
)
"""RE2 patterns for the time before any model exists; the first that matches counts."""

# What stands before a value and says that it is no id.
_NO_ID: Final = re.compile(
    r"(?:^|[_.-])(?:ports?|size|bytes?|len|length|count|total|time|timestamp|ts|date|took|duration|elapsed|latency|ms|"
    r"sec|seconds|uid|gid|euid|version|ver|line|offset|status|code|level|user|host|addr|address|ip|"
    r"jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)$",
    re.IGNORECASE,
)
# Redaction tokens, addresses and times are stepped over; what is left and holds a digit is a value.
_TOKEN: Final = re.compile(
    r"<[A-Za-z_-]{1,40}:[0-9a-fA-F]{1,64}>"
    r"|(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?(?![\w.])"
    r"|(?<![\w-])\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?:[T -]\d{1,2}[:.]\d{2}[:.]\d{2}(?:[.,]\d+)?)?(?![\w-])"
    r"|(?<![\w-])\d{1,2}:\d{1,2}(?::\d{1,2})?(?:[:.,]\d+)?(?![\w-])"
    r"|(?<![\w-])(?P<value>(?=[A-Za-z_-]*+\d)[\w-]++)",
    re.ASCII,
)
_CONTEXT: Final = re.compile(r"(?<!\w)([A-Za-z][A-Za-z_.()-]{0,30})(\"?(?:=|: ?|#| #|\[| \[| )[\"'(]?)$", re.ASCII)
_PREFIXED: Final = re.compile(
    rf"(?P<long>(?:[A-Za-z]+[_-])*?)(?:{UUID})$|(?P<short>0x|(?:[A-Za-z]+[_-])+)(?=-?\w*\d)", re.ASCII
)
_DASHED_ADDRESS: Final = re.compile(r"(?:^|-)\d{1,3}(?:-\d{1,3}){3}$")
_LONG_HEX: Final = re.compile(r"(?=[0-9a-fA-F]*[a-fA-F])[0-9a-fA-F]{16,}$")
_CLOCK_DIGITS: Final = frozenset({10, 13, 16, 19})


@dataclass(frozen=True, slots=True)
class LearnedKey:
    """A pattern in RE2's dialect (its first group, or else the whole match, is the key) and why it was chosen.

    `coverage` is the share of lines that hold it, 0..1; `sequences` counts the sessions seen. No value is quoted.
    """

    pattern: str
    example_shape: str
    coverage: float
    sequences: int
    reason: str


@dataclass(frozen=True, slots=True, order=True)
class _Shape:
    """How a value is spelled: `before` it, and whether that belongs to the key (`blk_`) or not (`request_id=`)."""

    before: str
    own: bool = False
    process: bool = False


@dataclass(slots=True)
class _Found:
    shapes: list[_Shape]
    lines: dict[str, list[int]] = field(default_factory=dict)
    """Value -> the lines that hold it, rising."""


@dataclass(frozen=True, slots=True, order=True)
class _Merit:
    in_sessions: float
    named: bool
    kinds: float
    sessions: int
    coverage: float
    length: float


def learn_key(messages: Sequence[str]) -> LearnedKey | None:
    """Return the key of the sessions in `messages` (redacted lines in time order), or None where there are none.

    Without one, a sequence is a window of one host and service.
    """
    messages = messages[:LINES]
    found, kinds = _survey(messages)
    best: tuple[_Merit, _Found] | None = None
    for candidate in _spellings(found, len(messages)):
        merit = _merit(candidate, kinds)
        if merit is not None and (best is None or merit > best[0]):
            best = merit, candidate
    if best is None:
        return None
    merit, chosen = best
    return LearnedKey(
        pattern="|".join(_pattern(shape, chosen.lines) for shape in chosen.shapes),
        example_shape=" or ".join(f"{shape.before}#" for shape in chosen.shapes),
        coverage=merit.coverage,
        sequences=merit.sessions,
        reason=(
            f"{merit.in_sessions:.0%} of the lines stand in {merit.sessions} sessions, "
            f"on average {merit.length:.1f} lines of {merit.kinds:.1f} kinds"
        ),
    )


def _survey(messages: Sequence[str]) -> tuple[dict[_Shape, _Found], list[int]]:
    """Return where the values of each shape stand, and the kind of each line: what is left without values."""
    found: dict[_Shape, _Found] = {}
    numbers: dict[str, int] = {}
    kinds: list[int] = []
    for index, message in enumerate(messages):
        line = message[:WIDTH]
        kinds.append(numbers.setdefault(_TOKEN.sub("", line), len(numbers)))
        for shape, value in _values(line):
            lines = found.setdefault(shape, _Found([shape])).lines.setdefault(value, [])
            if not lines or lines[-1] != index:
                lines.append(index)
    return found, kinds


def _values(line: str) -> Iterator[tuple[_Shape, str]]:
    for match in _TOKEN.finditer(line):
        value = match["value"]
        if value is None or _DASHED_ADDRESS.search(value):
            continue
        prefixed = _PREFIXED.match(value)
        if prefixed and (own := prefixed["long"] or prefixed["short"]):
            yield _Shape(own, own=True), value
            continue
        start, end = match.span()
        context = _CONTEXT.search(line, max(0, start - 40), start)
        if context is None:
            if prefixed or _LONG_HEX.match(value):
                yield _Shape(""), value
        elif not _NO_ID.search(context[1]) and _is_distinct(context[2], value):
            process = context[2] == "[" and line[end : end + 1] == "]" and value.isdigit()
            yield _Shape(context[0], process=process), value
            if process:
                yield _Shape("[", process=True), f"{context[0]}{value}]"


def _is_distinct(separator: str, value: str) -> bool:
    """After a mere space, letters must be many: else the pattern would take the next word for an id."""
    return separator.strip(" :\"'(") != "" or value.isdigit() or len(value) >= 8  # noqa: PLR2004


def _spellings(found: dict[_Shape, _Found], total: int) -> list[_Found]:
    """Return the shapes worth weighing; those that share values are one id in several spellings."""
    frequent = [
        one
        for _, one in sorted(found.items())
        if len(one.lines) >= SESSIONS and sum(map(len, one.lines.values())) >= 0.01 * total
    ]
    joined: list[_Found] = []
    for one in frequent:
        for other in joined:
            if _is_same_id(one, other):
                other.shapes.extend(one.shapes)
                for value, lines in one.lines.items():
                    other.lines[value] = sorted({*other.lines.get(value, ()), *lines})
                break
        else:
            joined.append(_Found([*one.shapes], dict(one.lines)))
    return [*joined, *(one for one in frequent if all(one.shapes != other.shapes for other in joined))]


def _is_same_id(one: _Found, other: _Found) -> bool:
    if any(shape.own or shape.process or not shape.before for shape in (*one.shapes, *other.shapes)):
        return False
    common = one.lines.keys() & other.lines.keys()
    # Short numbers meet by chance.
    return len(common) >= SAME * min(len(one.lines), len(other.lines)) and fmean(map(len, common)) >= 6  # noqa: PLR2004


def _merit(candidate: _Found, kinds: Sequence[int]) -> _Merit | None:
    total = len(kinds)
    common = Counter(kinds)
    matched = sorted(set().union(*candidate.lines.values()))
    sessions: list[int] = []
    different: list[int] = []
    in_sessions: set[int] = set()
    for lines in candidate.lines.values():
        variety = len({kinds[index] for index in lines if common[kinds[index]] > 1})
        if variety > 1 and median(b - a for a, b in pairwise(lines)) <= CLOSE * total / len(lines):
            sessions.append(len(lines))
            different.append(variety)
            in_sessions.update(lines)
    middle = matched[len(matched) // 2]
    arriving = sum(lines[0] >= middle for lines in candidate.lines.values()) / len(candidate.lines)
    if (
        len(sessions) < SESSIONS
        or len(in_sessions) < OF_LINES * total
        or len(in_sessions) < OF_MATCHED * len(matched)
        or arriving < ARRIVING
        or _is_clock(candidate.lines)
    ):
        return None
    return _Merit(
        in_sessions=round(len(in_sessions) / total, 2),
        named=candidate.shapes[0].before not in {"", "["},
        kinds=round(fmean(different), 1),
        sessions=len(sessions),
        coverage=len(matched) / total,
        length=fmean(sessions),
    )


def _is_clock(values: dict[str, list[int]]) -> bool:
    """Seconds to nanoseconds since 1970, in line order."""
    if not all(value.isdigit() and len(value) in _CLOCK_DIGITS for value in values):
        return False
    in_order = [int(value) for _, value in sorted((lines[0], value) for value, lines in values.items())]
    rising = sum(a <= b for a, b in pairwise(in_order))
    return rising >= 0.9 * (len(in_order) - 1)


def _pattern(shape: _Shape, values: Collection[str]) -> str:
    if shape.process:
        # Process ids are numbered by each host for itself.
        name = r"[\w./()-]+\[" if shape.before == "[" else rf"\b{_escape(shape.before)}"
        return rf"(?P<local>{name}\d+\])"
    if shape.own:
        rests = [value.removeprefix(shape.before) for value in values]
        return rf"\b{_escape(shape.before)}{_class(rests)}"
    boundary = r"\b" if shape.before else ""
    return f"{boundary}{_escape(shape.before)}({_class(values)})"


def _escape(literal: str) -> str:
    return re.sub(r"[\\^$.|?*+(){}\[\]]", r"\\\g<0>", literal)


def _class(values: Collection[str]) -> str:
    """Return the narrowest class of characters, with its lengths, that holds all `values`."""
    if all(re.fullmatch(UUID, value) for value in values):
        return UUID
    if all(re.fullmatch(r"-?\d+", value) for value in values):
        return r"-?\d+" if any(value.startswith("-") for value in values) else r"\d+"
    used = set().union(*values)
    letters = "a-f" if used <= set("0123456789abcdef_-") else "A-F" if used <= set("0123456789ABCDEF_-") else ""
    if not letters and used - set("0123456789_-"):
        letters = "a-fA-F" if used <= set("0123456789abcdefABCDEF_-") else "A-Za-z"
    marks = "".join(sorted(used & set("_-"), reverse=True))
    lengths = {len(value) for value in values}
    at_least = min(lengths)
    count = f"{{{at_least}}}" if len(lengths) == 1 else f"{{{at_least},}}"
    return f"[0-9{letters}{marks}]{count}"
