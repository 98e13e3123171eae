"""Which sequence an entry belongs to: the session id in its text, else its trace, else a window of host and service."""

import hashlib
import re
from typing import Final, Protocol

# The public wrapper of the same engine costs 4 us a call, for conversions; the engine itself 0.7 us.
from re2 import _re2

from deepsentry.errors import SettingsError
from deepsentry.events import SequenceKind

LONGEST: Final = 200
"""Characters of a key."""
_DEPTH: Final = 20
_REPEAT: Final = re.compile(r"\{(\d{1,4})(?:,\d{0,4})?\}")
_DIGITS: Final = tuple(b"%d" % digit for digit in range(10))
_BLIND: Final = frozenset("dDwWsSbBAztnr")
"""Escapes that mean the same for every digit."""
_WHOLE: Final = _re2.RE2.Anchor.ANCHOR_BOTH
_GROUP: Final = re.compile(r"\((?:\?:|\?P<\w{1,64}>|(?!\?))")


class Keyed(Protocol):
    """What a key is taken from: an entry whose text is redacted."""

    @property
    def message(self) -> str:
        """The redacted text."""

    @property
    def trace(self) -> str:
        """A trace id that the shipper knew, or empty."""

    @property
    def host(self) -> str:
        """Where the entry was written."""

    @property
    def service(self) -> str:
        """What wrote it."""


class Keyer:
    """Finds the key of an entry's sequence with one RE2 pattern; may be shared by threads.

    The first group that took part in the match, or else the whole match, is the key. A group named `local` says that
    the id is unique on its host only (a process id): the host then becomes part of the key.
    """

    def __init__(self, pattern: str) -> None:
        """Raise SettingsError, which names the pattern, where RE2 refuses it."""
        options = _re2.RE2.Options()
        options.log_errors = False
        regexp = _re2.RE2(pattern.encode("utf-8", "replace"), options)
        if not regexp.ok():
            reason = str(regexp.error(), "utf-8", "replace")
            message = f"sequences.key: {pattern!r} is not a pattern of the RE2 dialect: {reason}"
            raise SettingsError(message)
        self._literals = literals(pattern)
        self.blind = is_blind(pattern)
        """Whether texts that differ in digits only have their ids at the same place."""
        self.local = any(name == b"local" for name, _ in regexp.NamedCapturingGroups())
        """Whether an id is unique on its host only."""
        self._whole = regexp.NumberOfCapturingGroups() == 0
        self._match = regexp.Match
        self._anchor = _re2.RE2.Anchor.UNANCHORED

    def key(self, entry: Keyed) -> tuple[str, SequenceKind]:
        """Return the key, of at most `LONGEST` characters, and whether a session or a window stands behind it."""
        found = self.find(entry.message)
        if found:
            return self.session(found, entry.host), "session"
        if entry.trace:
            return bounded(entry.trace), "session"
        return bounded(f"{entry.host}|{entry.service}"), "window"

    def session(self, found: str, host: str) -> str:
        """Return the key of the session whose id was found in a line of `host`."""
        return bounded(f"{host}|{found}" if self.local else found)

    def find(self, text: str) -> str:
        """Return the session id in `text`, empty where there is none."""
        if not self._may_hold(text):
            return ""
        try:
            data = text.encode()
        except UnicodeEncodeError:
            text = text.encode("utf-8", "replace").decode()
            data = text.encode()
        start, end = self._span(data)
        if start < 0:
            return ""
        # In ASCII text, offsets of bytes are offsets of characters.
        return text[start:end] if len(data) == len(text) else data[start:end].decode("utf-8", "replace")

    def span(self, text: str) -> tuple[int, int]:
        """Return where the session id stands in `text`, which must be ASCII; (-1, -1) where there is none."""
        return self._span(text.encode("ascii")) if self._may_hold(text) else (-1, -1)

    def _may_hold(self, text: str) -> bool:
        if not self._literals:
            return True
        for literal in self._literals:  # noqa: SIM110 - any() makes a generator for each line
            if literal in text:
                return True
        return False

    def _span(self, data: bytes) -> tuple[int, int]:
        spans = self._match(self._anchor, data, 0, len(data))
        start, end = spans[0] if self._whole else next((group for group in spans[1:] if group[0] >= 0), spans[0])
        return start, end


def bounded(key: str) -> str:
    """Return `key`; one over `LONGEST` characters is cut and ends in a hash of the whole."""
    if len(key) <= LONGEST:
        return key
    digest = hashlib.blake2b(key.encode("utf-8", "replace"), digest_size=8).hexdigest()
    return f"{key[: LONGEST - len(digest) - 1]}~{digest}"


def is_blind(pattern: str) -> bool:
    """Tell whether `pattern` (RE2) takes any digit for any other; False also where that is not plain to see."""
    at = 0
    while at < len(pattern):
        repeat = _REPEAT.match(pattern, at)
        if repeat is not None:
            at = repeat.end()
        elif pattern[at] == "[":
            try:
                end = _class_end(pattern, at)
            except _UnclearError:
                return False
            each = _re2.RE2(pattern[at:end].encode("utf-8", "replace"), _re2.RE2.Options())
            if len({tuple(each.Match(_WHOLE, digit, 0, 1)[0]) for digit in _DIGITS}) > 1:
                return False
            at = end
        elif pattern[at] == "\\":
            if pattern[at + 1 : at + 2] not in _BLIND and pattern[at + 1 : at + 2].isalnum():
                return False
            at += 2
        elif pattern[at].isdecimal():
            return False
        else:
            at += 1
    return True


class _UnclearError(Exception):
    """A pattern that says too little about the literals in its matches."""


def literals(pattern: str) -> tuple[str, ...]:
    """Return strings one of which every match of `pattern` (RE2) contains; none where that is not plain to see."""
    try:
        branches, end = _branches(pattern, 0, 0)
    except _UnclearError:
        return ()
    return tuple(dict.fromkeys(branches)) if end == len(pattern) and all(branches) else ()


def _branches(pattern: str, at: int, depth: int) -> tuple[list[str], int]:
    """Return the longest literal of each branch from `at` to the end of the group or pattern, and where that is."""
    if depth > _DEPTH:
        raise _UnclearError
    done: list[str] = []
    runs = [""]
    while at < len(pattern) and pattern[at] != ")":
        if pattern[at] == "|":
            done.append(max(runs, key=len))
            runs, at = [""], at + 1
            continue
        # Next to what varies, is repeated or grouped, a literal ends: "ab+c" holds "a", "b" and "c".
        alone = pattern[at] == "("
        atom, at = _atom(pattern, at, depth)
        repeat = _REPEAT.match(pattern, at)
        optional = pattern[at : at + 1] in {"?", "*"} or (repeat is not None and int(repeat[1]) == 0)
        if optional or repeat or pattern[at : at + 1] == "+":
            at = repeat.end() if repeat else at + 1
            at += pattern[at : at + 1] == "?"
            alone = True
        if optional or atom is None:
            runs.append("")
        elif alone:
            runs += [atom, ""]
        else:
            runs[-1] += atom
    return [*done, max(runs, key=len)], at


def _atom(pattern: str, at: int, depth: int) -> tuple[str | None, int]:
    """Return the literal text of the atom at `at` (None where it varies) and where it ends."""
    match pattern[at]:
        case "\\":
            return _escaped(pattern, at)
        case "[":
            return None, _class_end(pattern, at)
        case "(":
            opened = _GROUP.match(pattern, at)
            if opened is None:
                raise _UnclearError
            inner, end = _branches(pattern, opened.end(), depth + 1)
            return (inner[0] if len(inner) == 1 else None), end + 1
        case ".":
            return None, at + 1
        case "^" | "$":
            return "", at + 1
        case "{":
            raise _UnclearError
        case character:
            return character, at + 1


def _escaped(pattern: str, at: int) -> tuple[str | None, int]:
    character = pattern[at + 1 : at + 2]
    if character in {"b", "A", "z"}:
        return "", at + 2
    if character in {"d", "D", "w", "W", "s", "S", "t", "n"}:
        return None, at + 2
    if not character or character.isalnum():
        raise _UnclearError
    return character, at + 2


def _class_end(pattern: str, at: int) -> int:
    at += 2 if pattern[at + 1 : at + 2] == "^" else 1
    first = True
    while at < len(pattern) and (first or pattern[at] != "]"):
        if pattern.startswith("[:", at):
            raise _UnclearError
        at += 2 if pattern[at] == "\\" else 1
        first = False
    return at + 1
