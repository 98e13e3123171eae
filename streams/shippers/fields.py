"""An envelope as flat fields: nested objects and flat dotted keys give the same names."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from deepsentry import wire
from streams.shippers import text
from streams.shippers.record import MAX_DEPTH

Fields = dict[str, object]
"""Dotted name -> a scalar, or a list of plain data."""

MAX_ATTRIBUTES: Final = 64
MAX_ATTRIBUTE: Final = 1024
"""Longest attribute, UTF-8 bytes."""
MAX_NAME: Final = 256


def flatten(value: Mapping[object, object]) -> Fields | None:
    """Return the fields of `value`, or None where it nests deeper than MAX_DEPTH; the first of two equal names wins."""
    fields: Fields = {}
    return fields if _put(fields, value, "", MAX_DEPTH) else None


def _put(fields: Fields, value: Mapping[object, object], prefix: str, depth: int) -> bool:
    if depth == 0:
        return False
    for key, item in value.items():
        name = prefix + (key if isinstance(key, str) else as_text(key))
        if isinstance(item, str):
            fields.setdefault(name, item)
        elif isinstance(item, dict):
            if not _put(fields, item, f"{name}.", depth - 1):
                return False
        elif isinstance(item, list):
            try:
                fields.setdefault(name, _plain(item, depth - 1))
            except _TooDeep:
                return False
        elif isinstance(item, bytes):
            fields.setdefault(name, text.read(item)[0])
        elif item is not None:
            fields.setdefault(name, item)
    return True


def as_text(value: object) -> str:
    """Return `value` as the text of an attribute: strings as they are, true and false, numbers, lists as JSON."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case bytes():
            return text.read(value)[0]
        case datetime():
            return value.isoformat()
        case list() | dict():
            return wire.encode(value).decode()
        case _:
            return str(value)


def attributes(fields: Fields, limit: int = MAX_ATTRIBUTES) -> tuple[dict[str, str], bool]:
    """Return at most `limit` of `fields` as text, and whether anything was cut or left out."""
    kept: dict[str, str] = {}
    whole = True
    for name, value in fields.items():
        if len(kept) == limit:
            return kept, False
        full = value if isinstance(value, str) else as_text(value)
        if len(full) * 4 <= MAX_ATTRIBUTE and len(name) * 4 <= MAX_NAME:  # most are: no character has more than 4 bytes
            kept[name] = full
            continue
        short, key = text.cut(full, MAX_ATTRIBUTE), text.cut(name, MAX_NAME)
        whole = whole and len(short) == len(full) and len(key) == len(name)
        kept[key] = short
    return kept, whole


class _TooDeep(Exception):
    """A list nests deeper than is allowed."""


def _plain(value: object, depth: int) -> object:
    """Return `value` with only what JSON can say."""
    if depth == 0 and isinstance(value, list | dict):
        raise _TooDeep
    match value:
        case list():
            return [_plain(item, depth - 1) for item in value]
        case dict():
            return {as_text(key): _plain(item, depth - 1) for key, item in value.items()}
        case str() | bool() | int() | float() | None:
            return value
        case _:
            return as_text(value)
