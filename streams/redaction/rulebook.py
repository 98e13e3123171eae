"""Rules are data: takes the shipped table and an operator's file, and refuses a rule that would quietly miss."""

import functools
import hashlib
import re
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Final, NamedTuple

import re2

from deepsentry.errors import RuleError
from streams.redaction.checks import CHECKS, entropy
from streams.redaction.examples import expand
from streams.redaction.normal import NORMAL
from streams.redaction.rule import Rule, compile_pattern
from streams.redaction.rulefile import Allow, FieldRow, RuleRow, Source, parse
from streams.redaction.shadow import shadow

REVISION: Final = 2
"""Of the engine: raised where the same rules come to mask something else."""

_FRAGMENT: Final = re.compile(r"\(\?&([a-z_]+)\)")
_LEAVES_LINE: Final = re.compile(r"\\[sWDn]|\[\^|\(\?[a-z]*s")


class Written(NamedTuple):
    """A rule as it was written, and where."""

    row: RuleRow
    source: Source

    @property
    def where(self) -> str:
        """Return file and line."""
        return self.source.where(self.row.id, "id")


class RuleBook(NamedTuple):
    """Rules ready to scan with, in their order of precedence among equals."""

    rules: tuple[Rule, ...]
    written: tuple[Written, ...]
    """Each of `rules` as it was written, in the same order."""
    fields: tuple[FieldRow, ...]
    allow: Allow
    mask: str
    version: str


def load(operator: Path | None, without: Sequence[str] = ()) -> RuleBook:
    """Return the shipped rules, changed by an operator's file: an id that is new adds, a known one replaces.

    `without` names groups that are left out. Raises RuleError, which names the rule and the line.
    """
    book = read(operator, without)
    for problem in problems(book):
        raise problem
    return book


def read(operator: Path | None, without: Sequence[str] = ()) -> RuleBook:
    """Return the rules as `load` does, without trying their examples. Raises RuleError."""
    sources = [parse(item.name, item.read_text(encoding="utf-8")) for item in shipped()]
    if operator is not None:
        try:
            sources.append(parse(str(operator), operator.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError) as error:
            message = f"redaction.rules_file: cannot read {operator}: {error}"
            raise RuleError(message) from None
    return assemble(sources, without)


def shipped() -> list[resources.abc.Traversable]:
    """Return the rule files that come with DeepSentry, in order of name."""
    folder = resources.files("streams.redaction") / "rules"
    return sorted((item for item in folder.iterdir() if item.name.endswith(".toml")), key=lambda item: item.name)


def assemble(sources: Sequence[Source], without: Sequence[str] = ()) -> RuleBook:
    """Return the rules of files, a later one over an earlier; the last decides mask, allow list and `disable`."""
    fragments: dict[str, str] = {}
    rows: dict[str, Written] = {}
    fields: dict[str, FieldRow] = {}
    for source in sources:
        fragments |= source.file.fragments
        rows |= {row.id: Written(row, source) for row in source.file.rule}
        fields |= {row.id: row for row in source.file.field if row.group not in without}
    last = sources[-1]
    for name in last.file.disable:
        if rows.pop(name, None) is None and fields.pop(name, None) is None:
            problem = f"disable: no rule is called {name!r}"
            raise last.error(rule="", key="disable", problem=problem)
    for pattern in last.file.allow.patterns:
        _compile(pattern, last, "", "patterns")
    kept = tuple(each for each in rows.values() if each.row.group not in without)
    rules = tuple(_build(row, source, fragments) for row, source in kept)
    parts = [repr((row, source.file.kind, source.file.unless)) for row, source in kept] + [
        repr(row) for row in fields.values()
    ]
    parts += [repr(sorted(fragments.items())), repr(last.file.allow), last.file.mask]
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:8]
    return RuleBook(rules, kept, tuple(fields.values()), last.file.allow, last.file.mask, f"{REVISION}-{digest}")


def _build(row: RuleRow, source: Source, fragments: dict[str, str]) -> Rule:
    if not row.keywords and not row.gate:
        raise source.error(row.id, "keywords", "has neither keywords nor a gate: one of them must be in every match")
    if any(not keyword.strip() or "\n" in keyword or not keyword.isascii() for keyword in row.keywords):
        raise source.error(row.id, "keywords", "a keyword is empty, not ASCII or holds a line break")
    if _LEAVES_LINE.search(row.gate):
        raise source.error(row.id, "gate", r"a gate stays within a line: no \s, \W, \D, \n, [^...] or (?s)")
    unknown = [name for name in row.check if name not in CHECKS]
    if unknown:
        raise source.error(row.id, "check", f"no check is called {unknown[0]!r}; known: {', '.join(sorted(CHECKS))}")
    try:
        pattern = _FRAGMENT.sub(lambda match: fragments[match[1]], row.pattern)
    except KeyError as error:
        raise source.error(row.id, "pattern", f"no fragment is called {error.args[0]!r}") from None
    regex = _compile(pattern, source, row.id, "pattern")
    if regex.search(b"") is not None:
        raise source.error(row.id, "pattern", "matches an empty text")
    floor = (functools.partial(entropy, row.entropy),) if row.entropy else ()
    return Rule(
        id=row.id,
        kind=row.kind or source.file.kind,
        keywords=tuple(keyword.lower().encode() for keyword in row.keywords),
        pattern=pattern,
        regex=regex,
        gate=row.gate,
        groups=range(1, regex.groups + 1),
        gate_regex=_compile(row.gate, source, row.id, "gate") if row.gate else None,
        unless=tuple(word.lower().encode() for word in row.unless or source.file.unless),
        checks=(*floor, *(CHECKS[name] for name in row.check)),
        stop=frozenset(value.lower() for value in row.stop),
        normal=NORMAL[row.normal],
        priority=row.priority,
        owns=row.owns,
    )


def _compile(pattern: str, source: Source, rule: str, key: str) -> re2._Regexp:
    try:
        return compile_pattern(pattern)
    except UnicodeEncodeError:
        raise source.error(rule, key, f"{key} holds a character beyond Latin-1; any letter is \\x80") from None
    except re2.error as error:
        raise source.error(rule, key, f"{key}: RE2 says {error.args[0]!r}") from None


def problems(book: RuleBook) -> Iterator[RuleError]:
    """Yield what the rules' own examples show: each names the line of the examples that fail."""
    for rule, (row, source) in zip(book.rules, book.written, strict=True):
        for key, written in (("matches", row.matches), ("misses", row.misses)):
            for number, example in enumerate(written, 1):
                if said := _failing(rule, key, example):
                    yield source.error(row.id, key, said.format(number=number))


def _failing(rule: Rule, key: str, example: str) -> str:
    try:
        text, masked = expand(example)
    except KeyError as error:
        return f"{key}: no alphabet is called {error.args[0]!r}"
    data = shadow(text)
    taken = [text[hit.start : hit.end] for hit in rule.hits(data)] if rule.applies(data, data.lower()) else []
    if key == "misses" and taken:
        return "near miss {number} is taken"
    if key == "matches" and not (masked in taken if masked is not None else taken):
        return "example {number} is not taken, or another part of it is"
    return ""
