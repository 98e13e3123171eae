"""Whatever the bytes are, a record ends as entries within their limits or as a reason."""

import gzip
import json
import math
import sys
import zlib
from collections.abc import Callable
from datetime import UTC
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, get_args

import cramjam
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from benchmarks import growth
from deepsentry import wire
from deepsentry.events import Entry
from deepsentry.sections import Ingest
from streams.shippers import Record, create_decoder
from streams.shippers.fields import MAX_ATTRIBUTE, MAX_ATTRIBUTES, MAX_NAME
from streams.shippers.precedence import CARRIERS, HOST, LEVEL, PROGRAM, REQUEST, SOURCE, TIME, TRACE

LIMIT = 1024
FORMATS = get_args(get_args(Ingest.model_fields["formats"].annotation)[1])
DECODERS = {
    name: create_decoder(Ingest.model_validate({"formats": {"t": name}, "max_line_bytes": LIMIT})) for name in FORMATS
}
GOLDEN = Path(__file__).parents[3] / "golden" / "shippers"
SAMPLES = [
    bytes.fromhex(case["hex"]) if "hex" in case else case["text"].encode()
    for path in sorted(GOLDEN.glob("*.json"))
    for case in json.loads(path.read_text())
    if "none" not in case
]

KEYS = st.one_of(st.text(max_size=5), st.integers(-5, 2**40), st.none(), st.booleans())
NAMES = st.sampled_from(
    [*TIME, *HOST, *SOURCE, *PROGRAM, *LEVEL, *TRACE, *CARRIERS, *REQUEST, "message", "log", "@version",
     "short_message", "_p", "partial_message", "_partial", "logEvents", "logGroup", "messageType",
     "full_message", "kubernetes", "resourceLogs", "resource", "scopeLogs", "logRecords", "attributes", "body", "key",
     "value", "kvlistValue", "values", "source_type", "@metadata", "agent", "file", "facility"]
)  # fmt: skip
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), FLOATS, st.text(max_size=20))
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(max_size=5), inner, max_size=5)
)
SAID = st.one_of(st.binary(max_size=20), st.none(), st.sampled_from([b"gzip", b"application/x-protobuf", b"br"]))
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(["content-type", "content-encoding", "host", "traceparent", "x"]) | st.text(max_size=4), SAID
    ),
    max_size=4,
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


Headers = list[tuple[str, bytes]]


def check(value: bytes, name: str, headers: Headers, timestamp: float) -> None:
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


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=60)
@given(st.binary(max_size=200), HEADERS, CLOCK)
def test_any_bytes(name: str, value: bytes, headers: Headers, timestamp: float) -> None:
    check(value, name, headers, timestamp)


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=100)
@given(mutated(), HEADERS, CLOCK)
def test_any_mutation_of_what_shippers_send(name: str, value: bytes, headers: Headers, timestamp: float) -> None:
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


def pairs(values: st.SearchStrategy[AnyValue]) -> st.SearchStrategy[list[KeyValue]]:
    return st.lists(st.builds(KeyValue, key=NAMES | st.text(max_size=3), value=values), max_size=4)


ANY_VALUES = st.recursive(
    st.one_of(
        st.builds(AnyValue),
        st.builds(AnyValue, string_value=st.text(max_size=9)),
        st.builds(AnyValue, int_value=st.integers(-(2**63), 2**63 - 1)),
        st.builds(AnyValue, double_value=st.floats()),
        st.builds(AnyValue, bytes_value=st.binary(max_size=9)),
    ),
    lambda inner: (
        st.builds(AnyValue, array_value=st.builds(ArrayValue, values=st.lists(inner, max_size=3)))
        | st.builds(AnyValue, kvlist_value=st.builds(KeyValueList, values=pairs(inner)))
    ),
    max_leaves=8,
)


LOGGED = st.builds(
    LogRecord,
    time_unix_nano=st.integers(0, 2**64 - 1),
    observed_time_unix_nano=st.integers(0, 2**64 - 1),
    severity_number=st.integers(-(2**31), 2**31 - 1),
    severity_text=st.text(max_size=5),
    body=ANY_VALUES,
    attributes=pairs(ANY_VALUES),
    trace_id=st.binary(max_size=17),
)


@given(pairs(ANY_VALUES), st.lists(LOGGED, max_size=3))
def test_any_export_request_in_protobuf(shared: list[KeyValue], records: list[LogRecord]) -> None:
    resource = ResourceLogs(resource=Resource(attributes=shared), scope_logs=[ScopeLogs(log_records=records)])
    request = ExportLogsServiceRequest(resource_logs=[resource])
    check(request.SerializeToString(), "otlp_proto", [], 1735783446.0)


@given(st.sampled_from([zlib.compress, gzip.compress, cramjam.zstd.compress]), st.data())
def test_any_damage_to_a_compressed_value(pack: Callable[[bytes], bytes], data: st.DataObject) -> None:
    packed = bytearray(pack(data.draw(st.sampled_from(SAMPLES) | st.binary(max_size=99))))
    at = data.draw(st.integers(0, len(packed) - 1))
    packed[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    check(bytes(packed), data.draw(st.sampled_from(FORMATS)), [], 1735783446.0)


def calls(work: Callable[[], object]) -> int:
    """Return how many functions `work` calls, Python's own included."""
    count = 0

    def seen(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(seen)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("shape", growth.SHAPES)
def test_twice_the_bytes_are_at_most_twice_the_work(shape: str, name: str) -> None:
    decode = create_decoder(Ingest.model_validate({"formats": {"t": name}}))
    small, large = (
        calls(partial(decode, Record(growth.SHAPES[shape](size), None, (), 0.0, "t"))) for size in (8192, 16384)
    )

    assert large <= 2.2 * small + 50
