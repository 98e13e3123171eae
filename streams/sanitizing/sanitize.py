"""Pure: raw records become clean entries; what cannot be used is rejected with its reason. Nothing unmasked leaves."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import msgspec

from deepsentry.events import CleanEntry, Entry, Position, Rejected
from streams.redaction import Redacted, Redactor
from streams.sanitizing.beside import Beside, Part
from streams.shippers import Decode, Record, pairs
from streams.windowing.keying import Keyer


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
    flags: set[str] = field(default_factory=set)
    """What was odd about some of the entries."""


class Sanitizes(Protocol):
    """Turns raw records of one partition into clean entries, in order, and says what was rejected; never raises."""

    def sanitize(self, records: Sequence[Located]) -> Sanitized:
        """Return what became of `records`."""
        ...


class _Decoded(NamedTuple):
    located: Located
    place: int
    """Index of the entry in its record."""
    entry: Entry


class Sanitizer:
    """Decodes, redacts and keys a chunk of raw records."""

    def __init__(self, decode: Decode, redactor: Redactor, keyer: Keyer) -> None:
        self._decode = decode
        self._redactor = redactor
        self.keyer = keyer
        self._beside = Beside()

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
            elements = len(self._decode(each.located.record))
            done.rejected.append((each.located, Rejected("redaction_failed", detail, each.place, elements)))

    def _entries(self, records: Sequence[Located], done: Sanitized) -> Iterator[_Decoded]:
        for located in records:
            results = self._decode(located.record)
            if not results:
                done.empty += 1
            for place, result in enumerate(results):
                if isinstance(result, Entry):
                    if result.flags:
                        done.flags.update(result.flags)
                    yield _Decoded(located, place, result)
                else:
                    done.rejected.append((located, msgspec.structs.replace(result, elements=len(results))))

    def _clean(self, decoded: Sequence[_Decoded], done: Sanitized) -> None:
        unknown: dict[Part, None] = {}
        known = [self._beside.is_known(each.entry, unknown) for each in decoded]
        texts = [each.entry.message for each in decoded]
        names = [""] * len(texts) + [name for name, _ in unknown] if unknown else ()
        changed = self._redactor.masked(texts + [text for _, text in unknown], names)
        masked = {part: changed[place] for place, part in enumerate(unknown, len(texts)) if place in changed}
        rules = self.rules
        entries = [
            self._unchanged(each, rules)
            if known[place] and place not in changed
            else self._masked(each, changed.get(place), masked, done.findings)
            for place, each in enumerate(decoded)
        ]
        done.clean.extend(entries)
        self._beside.learn(unknown, masked)

    def _unchanged(self, each: _Decoded, rules: str) -> CleanEntry:
        """Return the entry of a line without secrets: most lines."""
        located, place, entry = each
        process = entry.attributes.get("procid")
        sequence, kind = self.keyer.key(entry if not process else _tagged(entry))
        return CleanEntry(
            raw=Position(located.record.topic, located.partition, located.offset, place),
            timestamp=entry.timestamp,
            message=entry.message,
            sequence=sequence,
            kind=kind,
            host=entry.host,
            service=entry.service,
            level=entry.level,
            trace=entry.trace,
            attributes=entry.attributes,
            shipper=entry.shipper,
            time_source=entry.time_source,
            flags=entry.flags,
            rules=rules,
        )

    def _masked(
        self, each: _Decoded, message: Redacted | None, masked: Mapping[Part, Redacted], findings: Counter[str]
    ) -> CleanEntry:
        """Return the entry of a line in which something is masked, or was looked at for the first time."""

        def clear(text: str, name: str = "") -> str:
            found = masked.get((name, text))
            if found is None:
                return text
            findings.update(finding.kind for finding in found.findings)
            return found.text

        entry = each.entry
        if message is not None:
            findings.update(finding.kind for finding in message.findings)
        attributes = {clear(name): clear(value, name) for name, value in entry.attributes.items()}
        said = entry.message if message is None else message.text
        if attributes != entry.attributes and pairs(entry.attributes).startswith(entry.message):
            # The line of an object that had none: its attributes' names are what told the secrets.
            said = self._redactor.redact([pairs(attributes)])[0].text
        clean = msgspec.structs.replace(
            entry,
            message=said,
            host=clear(entry.host),
            service=clear(entry.service),
            trace=clear(entry.trace),
            attributes=attributes,
        )
        return self._unchanged(each._replace(entry=clean), self.rules)


def tagged(message: str, service: str, attributes: Mapping[str, str]) -> str:
    """Return `message` as it stood in its file: syslog shippers move `service[pid]:` into fields of their own."""
    process = attributes.get("procid")
    return f"{service}[{process}]: {message}" if process else message


def _tagged(entry: Entry) -> Entry:
    return msgspec.structs.replace(entry, message=tagged(entry.message, entry.service, entry.attributes))
