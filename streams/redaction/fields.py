"""The name of an attribute as a signal: whose value is secret whatever it looks like."""

import functools
import re
from collections.abc import Callable, Sequence
from typing import Final

from streams.redaction.rulefile import FieldRow

Classify = Callable[[str], FieldRow | None]

_LAST: Final = re.compile(r"[^.\[\]/:]+")
_LONGEST: Final = 256


def classifier(rows: Sequence[FieldRow]) -> Classify:
    """Return what finds the row of an attribute name: its last part, without case, dashes, spaces and underscores.

    `http.request.header.set-cookie` is `setcookie`; `db.userPassword` ends in `password`.
    """
    names = {name: row for row in rows for name in row.names}
    endings = tuple((ending, row) for row in rows for ending in row.endings)

    @functools.lru_cache(maxsize=4096)
    def classify(name: str) -> FieldRow | None:
        parts = _LAST.findall(name[-_LONGEST:].lower())
        plain = re.sub(r"[-_ ]", "", parts[-1]) if parts else ""
        if plain in names:
            return names[plain]
        return next((row for ending, row in endings if plain.endswith(ending)), None)

    return classify
