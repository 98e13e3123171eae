"""The seam: limits, formats that an operator fixes, and what becomes of a batch."""

import gzip
import json
import tracemalloc
import zlib
from collections.abc import Callable

import cramjam
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs

from deepsentry.errors import SettingsError
from deepsentry.events import Entry, Rejected
from deepsentry.sections import Ingest
from streams.shippers import Record, create_decoder
from streams.shippers.fields import MAX_ATTRIBUTE, MAX_ATTRIBUTES, MAX_NAME
from streams.shippers.record import MAX_BATCH, MAX_DEPTH, MAX_RECORD_FACTOR

NOW = 1735783446.0
SMALL = Ingest(max_line_bytes=1024)


def record(value: bytes | None, topic: str = "t", headers: tuple[tuple[str, bytes], ...] = ()) -> Record:
    return Record(value, None, headers, NOW, topic)


def one(value: bytes, ingest: Ingest = SMALL, headers: tuple[tuple[str, bytes], ...] = ()) -> Entry | Rejected:
    (found,) = create_decoder(ingest)(record(value, headers=headers))
    return found


def entry(value: bytes, ingest: Ingest = SMALL) -> Entry:
    found = one(value, ingest)
    assert isinstance(found, Entry)
    return found


def reason(value: bytes, ingest: Ingest = SMALL, headers: tuple[tuple[str, bytes], ...] = ()) -> str:
    found = one(value, ingest, headers)
    assert isinstance(found, Rejected)
    return found.reason


def test_a_tombstone_gives_nothing() -> None:
    assert create_decoder(SMALL)(record(None)) == []


def test_a_message_over_the_limit_is_cut_and_flagged() -> None:
    found = entry(b"x y " * 1000)

    assert len(found.message.encode()) <= 1024
    assert found.flags == ("truncated",)


def test_a_cut_never_halves_a_token() -> None:
    found = entry(b"word " * 204 + b"AKIAIOSFODNN7EXAMPLE" + b" word" * 10)

    assert "AKIA" not in found.message


def test_a_message_of_wide_characters_is_cut_between_them() -> None:
    assert set(entry("é".encode() * 2000).message) == {"é"}


def test_a_record_over_eight_times_the_limit_is_not_read() -> None:
    assert reason(b"x" * 8193) == "too_large"


def test_an_entry_has_at_most_so_many_attributes_and_says_so() -> None:
    found = entry(json.dumps({"message": "m", **{f"field{n}": n for n in range(MAX_ATTRIBUTES + 1)}}).encode())

    assert len(found.attributes) == MAX_ATTRIBUTES
    assert found.flags == ("truncated",)


def test_a_long_attribute_is_cut() -> None:
    found = entry(json.dumps({"message": "m", "stack": "at x " * 1000}).encode())

    assert 0 < len(found.attributes["stack"]) <= MAX_ATTRIBUTE


@pytest.mark.parametrize("opening", [b'{"a":', b"[", b'{"a":['])
@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 500, 1500])
def test_nesting_bombs_are_rejected(opening: bytes, depth: int) -> None:
    closing = {b'{"a":': b"}", b"[": b"]", b'{"a":[': b"]}"}[opening]
    bomb = b'{"message":"m","x":' + opening * depth + b"1" + closing * depth + b"}"

    assert reason(bomb, Ingest()) == "too_deep"


def test_brackets_in_a_cut_string_are_no_nesting() -> None:
    assert reason(b'{"message":"' + b"[" * 100 + b'","x":') == "malformed"


@pytest.mark.parametrize(
    "value", [b"a\0b", b'{"message":"a\\u0000b"}', b'{"message":"a\0b"}', b"\1\2\3", b"\x82\xa3log\xa3a\0b\xa1x\1"]
)
def test_nul_bytes_are_rejected_as_binary(value: bytes) -> None:
    assert reason(value) == "binary"


def test_a_batch_keeps_its_order_and_its_places() -> None:
    found = create_decoder(SMALL)(record(b'[{"message":"a"},null,{"message":""},{"message":"b"}]'))

    assert [item.message if isinstance(item, Entry) else (item.reason, item.index) for item in found] == [
        "a",
        ("unsupported_type", 1),
        ("empty", 2),
        "b",
    ]


def test_a_batch_has_an_end() -> None:
    found = create_decoder(Ingest())(record(b"[" + b",".join([b'{"message":"a"}'] * (MAX_BATCH + 5)) + b"]"))

    assert found[MAX_BATCH:] == [Rejected("too_large", f"a batch of more than {MAX_BATCH} elements", MAX_BATCH)]


def test_a_resource_that_all_records_of_a_batch_share_is_bounded() -> None:
    shared = [{"key": f"k{n}", "value": {"stringValue": "v" * 900}} for n in range(64)]
    logs = [{"logRecords": [{"body": {"stringValue": "a"}}]}]

    found = entry(
        json.dumps({"resourceLogs": [{"resource": {"attributes": shared}, "scopeLogs": logs}]}).encode(), Ingest()
    )

    assert 0 < sum(map(len, found.attributes.values())) <= 4096


def test_a_host_named_by_a_header_is_bounded() -> None:
    found = one(b"m", headers=(("host", b"h" * 5000),))

    assert isinstance(found, Entry)
    assert len(found.host) == MAX_NAME


def test_a_format_fixed_for_a_topic_wins_over_the_shape() -> None:
    decode = create_decoder(Ingest(formats={"lines": "line"}))

    (found,) = decode(record(b'{"message":"a"}', topic="lines"))

    assert isinstance(found, Entry)
    assert found.message == '{"message":"a"}'


def test_a_format_fixed_for_a_topic_wins_over_the_header() -> None:
    decode = create_decoder(Ingest(formats={"t": "json"}))

    (found,) = decode(record(b'{"message":"a"}', headers=(("content-type", b"text/plain"),)))

    assert isinstance(found, Entry)
    assert found.message == "a"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("json", b"ERROR disk full", "malformed"),
        ("json", b"true", "unsupported_type"),
        ("msgpack", b"ERROR disk full", "malformed"),
        ("msgpack", b"\x93\1\2\3", "unsupported_type"),
        ("gelf", b'{"message":"a"}', "malformed"),
        ("otlp_json", b'{"message":"a"}', "malformed"),
        ("otlp_json", b'{"resourceLogs":[]}', "empty"),
        ("otlp_proto", b"\n\x4d", "malformed"),
        ("otlp_proto", b"\n\x00", "empty"),
    ],
)
def test_what_is_not_the_format_it_is_declared_as_is_rejected(name: str, value: bytes, expected: str) -> None:
    assert reason(value, Ingest.model_validate({"formats": {"t": name}})) == expected


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zlib": zlib.compress,
    "zstd": lambda value: bytes(cramjam.zstd.compress(value)),
}


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_a_compressed_value_is_what_it_holds(pack: Callable[[bytes], bytes]) -> None:
    line = b"ERROR disk full " * 200

    assert entry(pack(line), Ingest()).message == line.decode()
    assert entry(pack(b"x")).message == "x"


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_a_bomb_is_rejected_before_it_is_unpacked(pack: Callable[[bytes], bytes]) -> None:
    bomb = pack(b"a" * 20_000_000)
    tracemalloc.start()
    try:
        found = reason(bomb, Ingest(max_line_bytes=1_048_576))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert found == "too_large"
    assert peak < 2.5 * MAX_RECORD_FACTOR * 1_048_576


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_what_is_packed_twice_is_unpacked_once(pack: Callable[[bytes], bytes]) -> None:
    found = one(pack(pack(b"ERROR disk full")))

    assert isinstance(found, Rejected) or "disk full" not in found.message


def test_a_batch_in_protobuf_has_an_end() -> None:
    scope = ScopeLogs(log_records=[LogRecord(body=AnyValue(string_value="a"))] * (MAX_BATCH + 5))
    request = ExportLogsServiceRequest(resource_logs=[ResourceLogs(scope_logs=[scope])])
    decode = create_decoder(Ingest(formats={"t": "otlp_proto"}))

    found = decode(record(request.SerializeToString()))

    assert [item for item in found if isinstance(item, Rejected)] == [
        Rejected("too_large", f"a batch of more than {MAX_BATCH} elements", MAX_BATCH)
    ]


def inside(number: int, body: bytes) -> bytes:
    """Return the protobuf field `number` that holds `body`."""
    size = bytearray()
    left = len(body)
    while left > 127:
        size.append(left & 127 | 128)
        left >>= 7
    return bytes((number << 3 | 2, *size, left)) + body


@pytest.mark.parametrize(("depth", "expected"), [(15, Entry), (20_000, Rejected)])
def test_a_body_that_nests_without_end_is_rejected(depth: int, expected: type) -> None:
    body = inside(1, b"deep")
    for _ in range(depth):
        body = inside(5, inside(1, body))  # AnyValue.array_value.values
    for number in (5, 2, 2, 1):  # LogRecord.body, ScopeLogs.log_records, ResourceLogs.scope_logs, resource_logs
        body = inside(number, body)

    assert isinstance(one(body, Ingest(formats={"t": "otlp_proto"})), expected)


@pytest.mark.parametrize(
    "line", [b"[notice] child init", b'"quoted" is no JSON', b"[1, 2]", b"-5", b"\xdeja vu", b"\x80 is no map"]
)
def test_what_only_begins_like_a_format_is_a_line(line: bytes) -> None:
    assert entry(line).message == line.decode("utf-8", "backslashreplace")


@pytest.mark.parametrize(
    "line",
    [
        "2025-01-02T02:04:05.678Z INFO starting",
        "2025-01-02T02:04:05.678Z starting server: port 80",
        "2025-01-02T02:04:05.678Z 4711 accepted",
    ],
)
def test_an_applications_own_line_is_not_taken_for_a_shippers(line: str) -> None:
    found = entry(line.encode())

    assert (found.shipper, found.host, found.message) == ("plain", "", line)


def test_an_unknown_zone_is_a_setting_to_mend() -> None:
    with pytest.raises(SettingsError, match=r"ingest\.default_timezone"):
        create_decoder(Ingest(default_timezone="Middle/Earth"))


def test_no_detail_quotes_the_input() -> None:
    for value in (b'{"password":"hunter2"', b"\0hunter2", b'[{"hunter2":""},5]'):
        for found in create_decoder(SMALL)(record(value)):
            assert not isinstance(found, Rejected) or "hunter2" not in found.detail
