"""GELF 1.1 (Graylog Extended Log Format), as Fluent Bit and applications send it; chunks and compression are UDP's."""

from typing import Final

from streams.shippers import levels
from streams.shippers.family import Family
from streams.shippers.fields import Fields


def _reshape(fields: Fields) -> Fields:
    """Take the mark off additional fields, and put the full message in the place of the short one it repeats."""
    plain = {name.removeprefix("_"): value for name, value in fields.items()}
    short, full = plain.get("short_message"), plain.get("full_message")
    if isinstance(short, str) and isinstance(full, str) and full.strip():
        plain["short_message"] = full if full.startswith(short) else f"{short}\n{full}"
        del plain["full_message"]
    return plain


FAMILY: Final = Family(
    "gelf",
    knows=lambda fields: "short_message" in fields and ("version" in fields or "host" in fields),
    noise=frozenset({"version"}),
    message=("short_message", "full_message"),
    numeric_level=levels.from_syslog,
    reshape=_reshape,
)
