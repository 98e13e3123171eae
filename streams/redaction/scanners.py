"""Which rules may match in which texts: two engines that may name too much, never too little."""

import contextlib
import importlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

import re2

from deepsentry.errors import RuleError
from streams.redaction.rule import Rule
from streams.redaction.shadow import Buffer

hyperscan: Any = None
with contextlib.suppress(ImportError):  # no wheel for this machine; the portable engine finds the same
    hyperscan = importlib.import_module("hyperscan")

_LAST_REPEAT: Final = re.compile(r"\{([1-9]\d*),\d*\}(\)*)$")
"""What matches `x{3,9}` at its end begins with `x{3}`, which Hyperscan reports once, not at every further character."""

_MEMORY: Final = 64 << 20
"""Bytes that the states of an automaton may take; one that runs out of them is twenty times as slow."""

_WORD: Final = "(?i"
"""How the gate of a word begins, in whatever case; any other gate is the shape of a value."""

_NOTHING: Final = r"[^\x00-\xff]"
"""Matches no byte."""

Candidate = tuple[int, int]
"""Index of a text, index of a rule."""


class Scanner(Protocol):
    """Finds the pairs of text and rule that are worth a closer look."""

    def candidates(self, buffer: Buffer) -> Iterable[Candidate]:
        """Return candidates without repeats."""
        ...


class HyperscanScanner:
    """All patterns at once over the whole buffer, but those of shapes.

    They hold no literal to look for; RE2's automaton looks for all of them at a fifth of the cost (measured).
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        numbered = dict(enumerate(rules))
        shapes = {number: rule for number, rule in numbered.items() if _is_shape(rule)}
        self._shapes: Final = _shapes_sieve(shapes)
        try:
            self._database: Final = _database({n: rule for n, rule in numbered.items() if n not in shapes})
        except hyperscan.error:
            refused = next((rule.id for rule in rules if not _compiles(rule)), "all together")
            message = f"rule {refused!r}: Hyperscan refuses the pattern; shorten its repeats or set engine = 'portable'"
            raise RuleError(message) from None

    def candidates(self, buffer: Buffer) -> Iterable[Candidate]:
        """Return candidates: the end of a match lies in the text that holds the match."""
        ends: set[tuple[int, int]] = set()
        add = ends.add
        self._database.scan(
            buffer.data, match_event_handler=lambda rule, _start, end, _flags, _context: add((end, rule))
        )
        found = {(buffer.owner(end - 1), rule) for end, rule in ends}
        found.update(self._shapes.candidates(buffer))
        return found


class PortableScanner:
    """Three passes, for keywords, words and shapes of all rules; a text with a hit is asked which they are.

    Apart, because an automaton that waits for words and shapes at once has as many states as both multiplied.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        keywords: dict[str, list[int]] = defaultdict(list)
        words: dict[str, list[int]] = defaultdict(list)
        for number, rule in enumerate(rules):
            if rule.gate and not _is_shape(rule):
                words[rule.gate].append(number)
            for word in rule.keywords if not rule.gate else ():
                keywords[re2.escape(word.decode())].append(number)
        shapes = {number: rule for number, rule in enumerate(rules) if _is_shape(rule)}
        self._keywords: Final = _Sieve(keywords, keywords)
        self._gates: Final = (_Sieve(words, words), _shapes_sieve(shapes))

    def candidates(self, buffer: Buffer) -> Iterable[Candidate]:
        """Return candidates: pairs whose text holds a keyword of the rule, or its gate."""
        lowered = Buffer(buffer.data.lower(), buffer.starts)
        found = set(self._keywords.candidates(lowered))
        return found.union(*(gates.candidates(buffer) for gates in self._gates))


class _Sieve:
    """Looks for any of many patterns; asks a text in which one may lie whose gates (within a line) it holds.

    A pattern may take the end of a line with it: every text that its match and the rest of the line touch is asked.
    """

    def __init__(self, gates: Mapping[str, list[int]], sought: Iterable[str]) -> None:
        self._rules: Final = list(gates.values())
        options = re2.Options()
        options.encoding = re2.Options.Encoding.LATIN1
        options.max_mem = _MEMORY
        options.never_capture = True
        union = "|".join(f"(?:{pattern})" for pattern in sought) or _NOTHING
        self._any: Final = re2.compile(f"(?m)(?:{union}).*".encode("latin-1"), options)
        self._which: Final = re2.Set.SearchSet(options)
        for pattern in gates or (_NOTHING,):
            self._which.Add(b"(?m)" + pattern.encode("latin-1"))
        self._which.Compile()

    def candidates(self, buffer: Buffer) -> Iterator[Candidate]:
        asked = -1
        for match in self._any.finditer(buffer.data):
            start, end = match.span()
            for text in range(max(buffer.owner(start), asked + 1), buffer.owner(end - 1) + 1):
                asked = text
                for number in self._which.Match(buffer.text(text)) or ():
                    for rule in self._rules[number]:
                        yield text, rule


def _is_shape(rule: Rule) -> bool:
    return bool(rule.gate) and not rule.gate.startswith(_WORD)


def _shapes_sieve(rules: Mapping[int, Rule]) -> _Sieve:
    """Return what looks for whole patterns: gates of shapes alone are met by every second number."""
    gates: dict[str, list[int]] = defaultdict(list)
    for number, rule in rules.items():
        gates[rule.gate].append(number)
    return _Sieve(gates, [rule.pattern for rule in rules.values()])


def _database(rules: Mapping[int, Rule]) -> Any:
    database = hyperscan.Database()
    database.compile(
        expressions=[_LAST_REPEAT.sub(r"{\1}\2", rule.pattern).encode("latin-1") for rule in rules.values()],
        ids=list(rules),
        elements=len(rules),
        flags=hyperscan.HS_FLAG_MULTILINE,
    )
    return database


def _compiles(rule: Rule) -> bool:
    try:
        _database({0: rule})
    except hyperscan.error:
        return False
    return True
