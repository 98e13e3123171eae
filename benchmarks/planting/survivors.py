"""How much of a secret is left in a text."""

import re
from collections.abc import Iterable
from typing import Final

PART: Final = 8
"""Characters of a secret in a row that are a leak; a shorter secret is one as a whole, as a word of its own."""


def survives(forms: Iterable[str], text: str) -> bool:
    """Tell whether any form of a secret, or a part of it that is long enough to be one, stands in `text`."""
    return any(_whole(form, text) if len(form) < PART else _part(form, text) for form in forms)


def _part(form: str, text: str) -> bool:
    return any(form[start : start + PART] in text for start in range(len(form) - PART + 1))


def _whole(form: str, text: str) -> bool:
    return form in text and re.search(rf"(?<![0-9A-Za-z]){re.escape(form)}(?![0-9A-Za-z])", text) is not None
