"""Event times: the numbers and strings of envelope fields, and how far a clock may run ahead."""

import math
import re
from datetime import datetime, tzinfo
from typing import Final

from streams.shippers.stamps import find_time

__all__ = ["MAX_SKEW", "find_time", "from_iso", "from_number", "from_value"]

MAX_SKEW: Final = 86_400.0
"""Seconds by which an event may be later than its Kafka record before its clock is not believed."""
_EARLIEST: Final = 1e8
"""Unix seconds (1973): a smaller number is a duration or a counter."""
_LATEST: Final = 253_402_300_800.0
_SIZES: Final = ((10**17, 10**9), (10**14, 10**6), (10**11, 10**3))
"""From so large on, a number counts so many parts of a second; the sizes do not overlap between 1973 and 5138.

Whole numbers, for nanoseconds are divided exactly only as integers.
"""
_LONGEST: Final = 64
_NUMBER: Final = re.compile(r"\d{1,20}(?:\.\d{0,20})?\Z", re.ASCII)


def from_number(number: float) -> float | None:
    """Return Unix seconds; the size tells seconds, milli-, micro- or nanoseconds. None where it is no time."""
    if not math.isfinite(number):
        return None
    for size, parts in _SIZES:
        if number >= size:
            number /= parts
            break
    return float(number) if _EARLIEST <= number < _LATEST else None


def from_iso(text: str, zone: tzinfo) -> float | None:
    """Return the Unix seconds of an ISO 8601 time, or None; a naive one is in `zone`."""
    try:
        moment = datetime.fromisoformat(text)
        seconds = (moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)).timestamp()
    except (ValueError, OverflowError):
        return None
    return seconds if seconds > 0 else None


def from_value(value: object, reference: float, zone: tzinfo) -> float | None:  # noqa: PLR0911 - one row a kind
    """Return the Unix seconds that the envelope field `value` gives, or None.

    Strings are RFC 3339, numbers, or what may stand at the head of a line; `zone` holds where they name none and
    `reference` (Unix seconds) settles a missing year.
    """
    match value:
        case str():
            text = value.strip()
            if len(text) > _LONGEST:
                return None
            if _NUMBER.match(text):
                return from_number(float(text) if "." in text else int(text))
            return from_iso(text, zone) or find_time(text, reference, zone)
        case bool():
            return None
        case int() | float():
            return from_number(value)
        case datetime():
            return value.timestamp()
        case _:
            return None
