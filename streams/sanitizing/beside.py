"""Pure: what stands beside the message (host, service, trace, attributes and their names) is the same on many lines.

What was found to hold no secret is remembered, so that most lines have nothing there to scan; secrets never are.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from deepsentry.events import Entry
from streams.redaction import Redacted

MOST_REMEMBERED: Final = 20_000
"""Texts, after which everything is forgotten."""
LONGEST_REMEMBERED: Final = 200
"""Characters of a text."""

NUMBERS: Final = frozenset({"log.offset"})
"""Attributes that our decoders fill with a count of bytes: another on every line, and never a secret."""

Part = tuple[str, str]
"""Name of the attribute, empty for any other text, and the text."""


class Beside:
    """Knows which parts hold no secret; good for one set of rules."""

    def __init__(self) -> None:
        self._texts: set[str] = {""}
        self._pairs: set[Part] = set()

    def is_known(self, entry: Entry, unknown: dict[Part, None]) -> bool:
        """Tell whether nothing beside the message has to be masked; what it takes a scan to know goes to `unknown`."""
        texts = self._texts
        known = True
        if entry.host not in texts or entry.service not in texts or entry.trace not in texts:
            known = False
            unknown.update((("", text), None) for text in (entry.host, entry.service, entry.trace) if text not in texts)
        for pair in entry.attributes.items():
            if pair in self._pairs or (pair[0] in NUMBERS and pair[1].isdecimal()):
                continue
            known = False
            unknown[pair] = None
            if pair[0] not in texts:
                unknown["", pair[0]] = None
        return known

    def learn(self, scanned: Iterable[Part], masked: Mapping[Part, Redacted]) -> None:
        """Remember of the parts `scanned` those that stayed as they were."""
        if len(self._texts) + len(self._pairs) > MOST_REMEMBERED:
            self._texts, self._pairs = {""}, set()
        stayed = [part for part in scanned if part not in masked and len(part[1]) <= LONGEST_REMEMBERED]
        self._texts.update(text for name, text in stayed if not name)
        self._pairs.update(part for part in stayed if part[0] and part[0] in self._texts)
