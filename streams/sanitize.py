"""Pure: raw records become clean entries; what cannot be used is rejected with its reason. Nothing unmasked leaves."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from deepsentry.events import CleanEntry, Entry, Position, Rejected
from streams.keying import Keyer
from streams.redaction import Redacted, Redactor
from streams.shippers import Decode, Record

MOST_REMEMBERED: Final = 20_000
LONGEST_REMEMBERED: Final = 200
"""Characters of a host, path or attribute whose redaction is remembered: they recur from line to line."""


NUMBERS: Final = frozenset({"log.offset"})
"""Attributes that our decoders fill with a count of bytes: another on every line, and never a secret."""

_Part = tuple[str, str]
"""Name of the attribute, or empty, and text."""


class _Known(NamedTuple):
    """What is known of the fields of a chunk."""

    old: dict[_Part, Redacted]
    fresh: dict[_Part, Redacted]


class Located(NamedTuple):
    """A raw record and where it stands."""

    record: Record
    partition: int
    offset: int

    def position(self, index: int) -> Position:
        """Return the place of the record's entry `index`."""
        return Position(self.record.topic, self.partition, self.offset, index)


@dataclass(slots=True)
class Sanitized:
    """What became of a chunk."""

    clean: list[CleanEntry] = field(default_factory=list)
    rejected: list[tuple[Located, Rejected]] = field(default_factory=list)
    findings: Counter[str] = field(default_factory=Counter)
    """Kind -> how many were masked."""
    empty: int = 0
    """Tombstones, which carry no entry."""


@dataclass(frozen=True, slots=True)
class _Decoded:
    located: Located
    index: int
    entry: Entry


class _Clear(NamedTuple):
    """The redacted fields from which a key is taken; `message` with its tag."""

    message: str
    trace: str
    host: str
    service: str


class Sanitizer:
    """Decodes, redacts and keys a chunk of raw records."""

    def __init__(self, decode: Decode, redactor: Redactor, keyer: Keyer) -> None:
        self._decode = decode
        self._redactor = redactor
        self.keyer = keyer
        self._remembered: dict[_Part, Redacted] = {}

    @property
    def rules(self) -> str:
        """Version of the redaction rules."""
        return self._redactor.version

    def sanitize(self, records: Sequence[Located]) -> Sanitized:
        """Return the clean entries in order, and what was rejected. Never raises for anything in `records`."""
        done = Sanitized()
        decoded = list(self._entries(records, done))
        try:
            self._clean(decoded, done)
        except Exception:  # noqa: BLE001 - a line that breaks the rules' engine must not stop the others, nor pass
            for each in decoded:
                self._alone(each, done)
        return done

    def _alone(self, each: _Decoded, done: Sanitized) -> None:
        try:
            self._clean([each], done)
        except Exception as error:  # noqa: BLE001 - as above
            detail = f"the redaction engine failed: {type(error).__name__}"
            done.rejected.append((each.located, Rejected("redaction_failed", detail, each.index)))

    def _entries(self, records: Sequence[Located], done: Sanitized) -> Iterator[_Decoded]:
        for located in records:
            results = self._decode(located.record)
            if not results:
                done.empty += 1
            for index, result in enumerate(results):
                match result:
                    case Entry():
                        yield _Decoded(located, index, result)
                    case Rejected():
                        done.rejected.append((located, result))

    def _clean(self, decoded: Sequence[_Decoded], done: Sanitized) -> None:
        texts = [each.entry.message for each in decoded]
        messages = len(texts)
        names = [""] * messages
        remembered = self._remembered
        wanted: dict[_Part, int] = {}
        for each in decoded:
            for part in _parts(each.entry):
                if part not in remembered and part not in wanted:
                    wanted[part] = len(texts)
                    names.append(part[0])
                    texts.append(part[1])
        results = self._redactor.redact(texts, names)
        fresh = {part: results[place] for part, place in wanted.items()}
        known = _Known(remembered, fresh)
        done.clean.extend(
            self._entry(each, message, known, done) for each, message in zip(decoded, results[:messages], strict=True)
        )
        self._remember(fresh)

    def _remember(self, fresh: dict[_Part, Redacted]) -> None:
        """Keep what is likely to come again."""
        if len(self._remembered) + len(fresh) > MOST_REMEMBERED:
            self._remembered = {}
        self._remembered.update((part, found) for part, found in fresh.items() if len(part[1]) <= LONGEST_REMEMBERED)

    def _entry(self, each: _Decoded, message: Redacted, known: _Known, done: Sanitized) -> CleanEntry:
        def clear(text: str, name: str = "") -> str:
            if not text or (name in NUMBERS and text.isdecimal()):
                return text
            redacted = known.old.get((name, text)) or known.fresh[name, text]
            if redacted.findings:
                done.findings.update(finding.kind for finding in redacted.findings)
            return redacted.text

        entry = each.entry
        if message.findings:
            done.findings.update(finding.kind for finding in message.findings)
        host, service, trace = clear(entry.host), clear(entry.service), clear(entry.trace)
        attributes = {clear(name): clear(value, name) for name, value in entry.attributes.items()}
        text = tagged(message.text, service, attributes)
        sequence, kind = self.keyer.key(_Clear(text, trace, host, service))
        return CleanEntry(
            raw=each.located.position(each.index),
            timestamp=entry.timestamp,
            message=message.text,
            sequence=sequence,
            kind=kind,
            host=host,
            service=service,
            level=entry.level,
            trace=trace,
            attributes=attributes,
            shipper=entry.shipper,
            time_source=entry.time_source,
            flags=entry.flags,
            rules=self.rules,
        )


def tagged(message: str, service: str, attributes: Mapping[str, str]) -> str:
    """Return `message` as it stood in its file: syslog shippers move `service[pid]:` into fields of their own."""
    process = attributes.get("procid")
    return f"{service}[{process}]: {message}" if process else message


def _parts(entry: Entry) -> Iterator[_Part]:
    """Yield everything but the message that may hold a secret."""
    for text in (entry.host, entry.service, entry.trace, *entry.attributes):
        if text:
            yield "", text
    for name, value in entry.attributes.items():
        if value and not (name in NUMBERS and value.isdecimal()):
            yield name, value
