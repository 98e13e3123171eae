"""What redaction returns, and the seam: text in, text and findings out."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol


class Finding(NamedTuple):
    """A span that was masked; never its text. `start` and `end` are offsets in the original text."""

    rule: str
    kind: str
    start: int
    end: int


class Redacted(NamedTuple):
    """A clean text and what was masked in it, in the order of the text."""

    text: str
    findings: tuple[Finding, ...]


class RedactedFields(NamedTuple):
    """Clean attributes, keys included, and how many findings of each kind they held."""

    fields: dict[str, str]
    kinds: dict[str, int]


class Redactor(Protocol):
    """Masks secrets; what it returns may leave the site."""

    @property
    def version(self) -> str:
        """Return the version of the rules; a change shifts templates, so every clean entry carries it."""
        ...

    def redact(self, texts: Sequence[str], names: Sequence[str] = ()) -> list[Redacted]:
        """Return one result for each text, in order; a text without findings comes back as the same object.

        `names`, where given, has one attribute name for each text ("" for a bare text): the name is a signal of its
        own (`password`, `set-cookie`) and is not itself scanned. All texts are scanned in one pass, so pass a whole
        chunk. Never raises for any text; what it returns encodes to UTF-8. One thread at a time.
        """
        ...

    def masked(self, texts: Sequence[str], names: Sequence[str] = ()) -> dict[int, Redacted]:
        """Return what `redact` does, by index, but only for texts that do not stay as they are: most do."""
        ...

    def redact_fields(self, fields: Mapping[str, str]) -> RedactedFields:
        """Redact the attributes of one entry, keys included; for many entries, flatten them into one `redact`."""
        ...
