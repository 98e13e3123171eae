"""Records that carry many entries: each keeps its order, and its place is its index; a broken one sinks no other."""

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import TypeVar

from deepsentry import wire
from deepsentry.errors import WireError
from deepsentry.events import Entry, Rejected
from streams.shippers import cloudwatch, objects, otlp, plain
from streams.shippers.fields import Fields
from streams.shippers.record import MAX_BATCH, Record, Rules

Outcome = Entry | Rejected
T = TypeVar("T")


def from_items(items: list[object], record: Record, rules: Rules, flags: tuple[str, ...]) -> list[Outcome]:
    """Return the outcomes of a JSON array."""
    return _each(items, lambda item, at: _element(item, record, rules, flags, at))


def from_lines(value: bytes, record: Record, rules: Rules) -> list[Outcome]:
    """Return the outcomes of objects that stand one in a line (NDJSON); blank lines count for nothing."""
    lines = (line for line in value.split(b"\n") if line and not line.isspace())
    return _each(lines, lambda line, at: _line(line, record, rules, at))


def from_otlp(
    found: Iterable[otlp.LogRecord | Rejected], record: Record, rules: Rules, flags: tuple[str, ...]
) -> list[Outcome]:
    """Return the outcomes of an export request."""

    def outcome(item: otlp.LogRecord | Rejected, at: int) -> Outcome:
        match item:
            case Rejected():
                return Rejected(item.reason, item.detail, at)
            case otlp.LogRecord():
                family = otlp.FAMILY
                return objects.from_fields(item.fields, family, record, rules, inner=item.inner, flags=flags, index=at)

    return _each(found, outcome) or [Rejected("empty", "an OTLP request without log records")]


def from_cloudwatch(
    batch: Mapping[object, object], record: Record, rules: Rules, flags: tuple[str, ...]
) -> list[Outcome]:
    """Return the outcomes of a subscription's message."""

    def outcome(item: Fields | Rejected, at: int) -> Outcome:
        match item:
            case Rejected():
                return Rejected(item.reason, item.detail, at)
            case dict():
                return objects.from_fields(item, cloudwatch.FAMILY, record, rules, flags=flags, index=at)

    return _each(cloudwatch.events(batch), outcome) or [Rejected("empty", "a CloudWatch message without log events")]


def _each(found: Iterable[T], outcome: Callable[[T, int], Outcome]) -> list[Outcome]:
    """Return at most MAX_BATCH outcomes; what is left out shows as one rejection at the end."""
    items = iter(found)
    kept = [outcome(item, at) for at, item in enumerate(islice(items, MAX_BATCH))]
    if next(items, None) is not None:
        kept.append(Rejected("too_large", f"a batch of more than {MAX_BATCH} elements", MAX_BATCH))
    return kept


def _element(item: object, record: Record, rules: Rules, flags: tuple[str, ...], index: int) -> Outcome:
    if isinstance(item, dict):
        return objects.to_entry(item, record, rules, flags=flags, index=index)
    if isinstance(item, str):
        return plain.to_entry(item, record, rules, flags=flags, index=index)
    return Rejected("unsupported_type", "an element that is neither an object nor a string", index)


def _line(line: bytes, record: Record, rules: Rules, index: int) -> Outcome:
    try:
        return _element(wire.from_json(line), record, rules, (), index)
    except WireError:
        return Rejected("malformed", "a line that is no JSON among lines that are", index)
