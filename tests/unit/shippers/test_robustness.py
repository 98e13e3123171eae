"""Whatever the bytes are, a record ends as entries within their limits or as a reason."""

import json
import math
from datetime import UTC
from pathlib import Path
from typing import Any, get_args

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from deepsentry import wire
from deepsentry.events import Entry
from deepsentry.settings import Ingest
from streams.shippers import Record, create_decoder
from streams.shippers.fields import MAX_ATTRIBUTE, MAX_ATTRIBUTES, MAX_NAME
from streams.shippers.precedence import CARRIERS, HOST, LEVEL, PROGRAM, SOURCE, TIME, TRACE

LIMIT = 1024
FORMATS = get_args(get_args(Ingest.model_fields["formats"].annotation)[1])
DECODERS = {
    name: create_decoder(Ingest.model_validate({"formats": {"t": name}, "max_line_bytes": LIMIT})) for name in FORMATS
}
GOLDEN = Path(__file__).parents[2] / "golden" / "shippers"
SAMPLES = [
    bytes.fromhex(case["hex"]) if "hex" in case else case["text"].encode()
    for path in sorted(GOLDEN.glob("*.json"))
    for case in json.loads(path.read_text())
    if "none" not in case
]

KEYS = st.one_of(st.text(max_size=5), st.integers(-5, 2**40), st.none(), st.booleans())
NAMES = st.sampled_from(
    [*TIME, *HOST, *SOURCE, *PROGRAM, *LEVEL, *TRACE, *CARRIERS, "message", "log", "@version", "short_message", "_p",
     "full_message", "kubernetes", "resourceLogs", "resource", "scopeLogs", "logRecords", "attributes", "body", "key",
     "value", "kvlistValue", "values", "source_type", "@metadata", "agent", "file", "facility"]
)  # fmt: skip
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), FLOATS, st.text(max_size=20))
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(max_size=5), inner, max_size=5)
)
HEADERS = st.lists(
    st.tuples(st.sampled_from(["content-type", "host", "traceparent", "x"]), st.binary(max_size=20)), max_size=3
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Draw a sample with some bytes replaced, cut out or doubled."""
    value = bytearray(draw(st.sampled_from(SAMPLES)))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(value)))
        end = draw(st.integers(start, min(len(value), start + 8)))
        value[start:end] = draw(st.one_of(st.binary(max_size=6), st.just(bytes(value[start:end]) * 3)))
    return bytes(value)


def check(value: bytes, name: str, headers: list[tuple[str, bytes]], timestamp: float) -> None:
    found = DECODERS[name](Record(value, value[:9], tuple(headers), timestamp, "t"))

    assert found
    for at, item in enumerate(found):
        wire.encode(item)
        if isinstance(item, Entry):
            assert item.message.strip()
            assert len(item.message.encode()) <= LIMIT
            assert math.isfinite(item.timestamp)
            assert len(item.attributes) <= MAX_ATTRIBUTES
            assert all(len(text.encode()) <= MAX_ATTRIBUTE for text in item.attributes.values())
            assert all(len(text.encode()) <= MAX_NAME for text in (*item.attributes, item.host, item.trace))
        else:
            assert item.index == at
            assert item.reason != "internal"


PACKED = st.recursive(
    st.one_of(SCALARS, st.floats(), st.binary(max_size=9), st.datetimes(timezones=st.just(UTC)))
    | st.builds(msgspec.msgpack.Ext, st.integers(0, 9), st.binary(min_size=8, max_size=8)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
)
CLOCK = st.sampled_from([0.0, 1735783446.0, -1.0, float("nan"), float("inf"), 1e18])


@settings(max_examples=300)
@given(st.binary(max_size=200), st.sampled_from(FORMATS), HEADERS, CLOCK)
def test_any_bytes(value: bytes, name: str, headers: list[tuple[str, bytes]], timestamp: float) -> None:
    check(value, name, headers, timestamp)


@settings(max_examples=600)
@given(mutated(), st.sampled_from(FORMATS), HEADERS, CLOCK)
def test_any_mutation_of_what_shippers_send(
    value: bytes, name: str, headers: list[tuple[str, bytes]], timestamp: float
) -> None:
    check(value, name, headers, timestamp)


@settings(max_examples=400)
@given(st.dictionaries(NAMES, VALUES, max_size=6), CLOCK)
def test_any_object_under_the_names_that_shippers_use(value: dict[str, Any], timestamp: float) -> None:
    check(json.dumps(value).encode(), "auto", [], timestamp)


@given(VALUES)
def test_any_export_request(value: object) -> None:
    request = {
        "resourceLogs": [{"resource": value, "scopeLogs": [{"scope": value, "logRecords": [value, {"body": value}]}]}]
    }
    check(json.dumps(request).encode(), "otlp_json", [], 1735783446.0)


@given(st.text(max_size=40), st.integers(0, 300))
def test_any_priority(text: str, priority: int) -> None:
    check(f"<{priority}>{text}".encode(), "auto", [], 1735783446.0)
    check(f"<{priority}>1 - - - - - {text}".encode(), "line", [], 1735783446.0)


@given(st.dictionaries(NAMES | KEYS, PACKED, max_size=5))
def test_any_msgpack_map(value: dict[Any, Any]) -> None:
    check(msgspec.msgpack.encode(value), "auto", [], 1735783446.0)
