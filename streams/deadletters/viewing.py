"""Pure: a rejected record for the eyes of an operator: redacted, cut, harmless on a terminal."""

import dataclasses
from collections.abc import Sequence
from typing import Final

import msgspec

from streams.alerts.visible import visible
from streams.deadletters.quarantine import Quarantined
from streams.deadletters.replay import MARK, replayed_from
from streams.redaction import Redactor

READ: Final = 65_536
"""Bytes that are redacted: a secret cut in half at their end may pass, so the end is not shown."""
MARGIN: Final = 4096
"""Characters at the end of what was redacted that are left out where more bytes follow."""
SHOWN: Final = 4000
SHORT: Final = 200
"""Characters of a text, and of a key or a header, that are shown."""
HEADERS: Final = 50


class View(msgspec.Struct, frozen=True):
    """What may be shown of a record's own content."""

    key: str
    headers: tuple[tuple[str, str], ...]
    detail: str
    text: str
    """Lines separated by newlines; what is no UTF-8 text is told by its size only."""


def brief(found: Quarantined) -> Quarantined:
    """Return `found` with no more than a list shows: a thousand large ones would not fit into memory."""
    mark = replayed_from(found.headers).encode()
    headers = ((MARK, mark),) if mark else ()
    return dataclasses.replace(found, value=b"", key=found.key[: READ + 1], headers=headers)


def view(found: Quarantined, redactor: Redactor) -> View:
    """Return `found` without its secrets; never raises. What the engine fails on is not shown at all."""
    named = found.headers[:HEADERS]
    raw = [found.key, found.value, *(value for _, value in named)]
    texts = [_text(each) for each in raw]
    names = ["", "", *(name for name, _ in named)]
    clean = _redacted([*texts, found.detail, *(name[:READ] for name, _ in named)], [*names], redactor)
    if clean is None:
        return View("", (), "", "not shown: the redaction engine fails on it")
    key, text, *values = [
        _safe(shown, data) if known is not None else f"{len(data):,} bytes that are no text"
        for shown, known, data in zip(clean, texts, raw, strict=False)
    ]
    detail, *labels = clean[len(raw) :]
    headers = [(visible(label, SHORT), visible(value, SHORT)) for label, value in zip(labels, values, strict=True)]
    if more := len(found.headers) - len(named):
        headers.append(("…", f"{more:,} more"))
    lines = (visible(line, SHOWN) for line in text[:SHOWN].split("\n"))
    body = "\n".join(lines) + (f"… (of {found.length:,} bytes)" if found.length > SHOWN else "")
    return View(visible(key, SHORT), tuple(headers), visible(detail, SHORT), body)


def _redacted(texts: Sequence[str | None], names: Sequence[str], redactor: Redactor) -> list[str] | None:
    every = [*names, *[""] * (len(texts) - len(names))]
    try:
        return [each.text for each in redactor.redact([text or "" for text in texts], every)]
    except Exception:  # noqa: BLE001 - what breaks the engine is often why the record was rejected
        return None


def _safe(shown: str, data: bytes) -> str:
    return shown[:-MARGIN] if len(data) > READ else shown


def _text(data: bytes) -> str | None:
    """Return the beginning of `data` as text, None where it is none: other encodings hide secrets from the rules."""
    if b"\0" in data[:READ]:
        return None
    try:
        return data[:READ].decode()
    except UnicodeDecodeError as error:
        cut = len(data) > READ and error.start >= READ - 3 and error.reason == "unexpected end of data"
        return data[: error.start].decode() if cut else None
