"""What stands in the place of a secret: stable, typed and keyed, so that counts and templates survive."""

import hmac
import re
from typing import Final

OF_KEY: Final = 2
"""Hex digits, the first of a token, that name the key: after a rotation old tokens are known from new ones."""
OF_SECRET: Final = 10
"""Hex digits that name the secret. 40 bits: among 100,000 different secrets of one kind, two share a token with odds of
1 in 220 (n*n / 2**41); the key keeps card and phone numbers from being found by enumeration."""

TEMPLATE: Final = "<{kind}:{digest}>"


class Mint:
    """Makes tokens under the site key and knows tokens, also those of another key, when it sees them.

    `template` is the operator's own mask text; without `{digest}` in it, different secrets become the same text.
    """

    def __init__(self, key: bytes, template: str = TEMPLATE) -> None:
        self._key = key
        self.of_key = hmac.digest(key, b"name of the key", "sha256").hex()[:OF_KEY]
        self._template = template
        own = re.escape(template)
        own = own.replace(re.escape("{kind}"), "[a-z][a-z0-9-]{0,31}")
        self._own = re.compile(own.replace(re.escape("{digest}"), f"[0-9a-f]{{{OF_KEY + OF_SECRET}}}"))
        self._first = template[0] if template[0] != "{" else ""

    def token(self, kind: str, secret: str) -> str:
        """Return the token of a secret in its normal form."""
        message = f"{kind}\0{secret}".encode("utf-8", "replace")
        digest = self.of_key + hmac.digest(self._key, message, "sha256").hex()[:OF_SECRET]
        return self._template.replace("{kind}", kind).replace("{digest}", digest)

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return where `text` already holds tokens; they are never masked again."""
        if self._first not in text:
            return []
        return [match.span() for match in self._own.finditer(text)]
