"""Patterns that strangers send: RE2 only, which takes time in proportion to the text, with limits."""

from typing import Final

import re2

from api.errors import InvalidInput

LONGEST: Final = 500
MEMORY: Final = 1 << 20
"""Bytes that RE2 may use for a pattern; one that needs more is refused."""
MOST_GROUPS: Final = 10


def check(where: str, pattern: str) -> None:
    """Raise InvalidInput unless `pattern` is one of RE2 that a worker can afford to try on every line."""
    if len(pattern) > LONGEST:
        raise InvalidInput({where: f"at most {LONGEST} characters"})
    options = re2.Options()
    options.log_errors = False
    options.max_mem = MEMORY
    try:
        compiled = re2.compile(pattern, options)
    except (re2.error, UnicodeError):
        raise InvalidInput({where: "not a pattern of RE2, or one that takes too much memory"}) from None
    if compiled.groups > MOST_GROUPS:
        raise InvalidInput({where: f"at most {MOST_GROUPS} groups"})
