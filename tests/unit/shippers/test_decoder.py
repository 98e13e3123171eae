"""The seam: limits, formats that an operator fixes, and what becomes of a batch."""

import gzip
import json

import pytest

from deepsentry.errors import SettingsError
from deepsentry.events import Entry, Rejected
from deepsentry.settings import Ingest
from streams.shippers import Record, create_decoder
from streams.shippers.fields import MAX_ATTRIBUTE, MAX_ATTRIBUTES, MAX_NAME
from streams.shippers.record import MAX_BATCH, MAX_DEPTH

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
        ("otlp_proto", b"\n\x4d", "unsupported_type"),
    ],
)
def test_what_is_not_the_format_it_is_declared_as_is_rejected(name: str, value: bytes, expected: str) -> None:
    assert reason(value, Ingest.model_validate({"formats": {"t": name}})) == expected


@pytest.mark.parametrize("value", [b"\x1e\x0f12345678\0\2abc", gzip.compress(b"ERROR disk full")])
def test_chunks_and_compressed_values_are_named_as_unsupported(value: bytes) -> None:
    assert reason(value) == "unsupported_type"


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
