"""Redaction, pure: text in, text and findings out. The rules are data (rules/*.toml), the engine is one pass."""

from typing import Final

from deepsentry.errors import SettingsError
from deepsentry.sections import Redaction
from streams.redaction import scanners
from streams.redaction.engine import RuleRedactor
from streams.redaction.findings import Finding, Redacted, RedactedFields, Redactor
from streams.redaction.rulebook import load
from streams.redaction.tokens import Mint

__all__ = ["Finding", "Redacted", "RedactedFields", "Redactor", "create_redactor"]

SHORTEST_KEY: Final = 16


def create_redactor(settings: Redaction, key: bytes) -> Redactor:
    """Return a redactor whose tokens are keyed by `key`, the site's secret; takes a second, so make one a process.

    Raises RuleError, which names the rule and its line, and SettingsError for a short key or an engine that is absent.
    """
    if len(key) < SHORTEST_KEY:
        message = f"redaction.site_key: has {len(key)} bytes, needs at least {SHORTEST_KEY} random ones"
        raise SettingsError(message)
    book = load(settings.rules_file, without=() if settings.mask_ip else ("network",))
    engine = settings.engine
    if engine == "auto":
        engine = "hyperscan" if scanners.hyperscan else "portable"
    if engine == "hyperscan" and not scanners.hyperscan:
        message = "redaction.engine: Hyperscan is not installed here; set 'auto' or 'portable', which finds the same"
        raise SettingsError(message)
    scanner: scanners.Scanner = (
        scanners.HyperscanScanner(book.rules) if engine == "hyperscan" else scanners.PortableScanner(book.rules)
    )
    return RuleRedactor(book, scanner, Mint(key, book.mask))
