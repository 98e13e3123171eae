"""Which rules may match in which texts: two engines that may name too much, never too little."""

import contextlib
import importlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

import re2

from deepsentry.errors import RuleError
from streams.redaction.rule import Rule, compile_pattern
from streams.redaction.shadow import Buffer

hyperscan: Any = None
with contextlib.suppress(ImportError):  # no wheel for this machine; the portable engine finds the same
    hyperscan = importlib.import_module("hyperscan")

_LAST_REPEAT: Final = re.compile(r"\{([1-9]\d*),\d*\}(\)*)$")
"""What matches `x{3,9}` at its end begins with `x{3}`, which Hyperscan reports once, not at every further character."""

_SET_MEMORY: Final = 64 << 20

Candidate = tuple[int, int]
"""Index of a text, index of a rule."""


class Scanner(Protocol):
    """Finds the pairs of text and rule that are worth a closer look."""

    def candidates(self, buffer: Buffer) -> Iterable[Candidate]:
        """Return candidates without repeats."""
        ...


class HyperscanScanner:
    """All patterns at once over the whole buffer."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        try:
            self._database: Final = _database(rules)
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
        return {(buffer.owner(end - 1), rule) for end, rule in ends}


class PortableScanner:
    """Two passes, for the keywords and for the gates of all rules; a text with a hit is asked which they are."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        words: dict[str, list[int]] = defaultdict(list)
        gates: dict[str, list[int]] = defaultdict(list)
        for number, rule in enumerate(rules):
            if rule.gate:
                gates[rule.gate].append(number)
            for word in rule.keywords if not rule.gate else ():
                words[re2.escape(word.decode())].append(number)
        self._words: Final = _Sieve(words)
        self._gates: Final = _Sieve(gates)

    def candidates(self, buffer: Buffer) -> Iterable[Candidate]:
        """Return candidates: pairs whose text holds a keyword of the rule, or its gate."""
        lowered = Buffer(buffer.data.lower(), buffer.starts)
        return {*self._words.candidates(lowered), *self._gates.candidates(buffer)}


class _Sieve:
    """Patterns that stay within a line, and the rules that want each."""

    def __init__(self, patterns: Mapping[str, list[int]]) -> None:
        self._rules: Final = list(patterns.values())
        self._any: Final = compile_pattern("(?:" + "|".join(f"(?:{pattern})" for pattern in patterns) + ").*")
        options = re2.Options()
        options.encoding = re2.Options.Encoding.LATIN1
        options.max_mem = _SET_MEMORY
        self._which: Final = re2.Set.SearchSet(options)
        for pattern in patterns:
            self._which.Add(b"(?m)" + pattern.encode("latin-1"))
        self._which.Compile()

    def candidates(self, buffer: Buffer) -> Iterator[Candidate]:
        asked = -1
        for match in self._any.finditer(buffer.data):
            text = buffer.owner(match.start())
            if text != asked:
                asked = text
                for number in self._which.Match(buffer.text(text)) or ():
                    for rule in self._rules[number]:
                        yield text, rule


def _database(rules: Sequence[Rule]) -> Any:
    database = hyperscan.Database()
    database.compile(
        expressions=[_LAST_REPEAT.sub(r"{\1}\2", rule.pattern).encode("latin-1") for rule in rules],
        ids=list(range(len(rules))),
        elements=len(rules),
        flags=hyperscan.HS_FLAG_MULTILINE,
    )
    return database


def _compiles(rule: Rule) -> bool:
    try:
        _database([rule])
    except hyperscan.error:
        return False
    return True
