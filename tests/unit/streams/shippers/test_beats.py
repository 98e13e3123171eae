"""Filebeat's default record takes a shorter path to the same entry."""

import json
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from deepsentry import wire
from deepsentry.events import Entry
from streams.shippers import Record, beats, objects
from streams.shippers.record import Rules

RULES = Rules(ZoneInfo("Europe/Berlin"), 1024)
DEFAULT = {
    "@timestamp": "2025-01-02T02:04:05.678Z",
    "@metadata": {"beat": "filebeat", "type": "_doc", "version": "8.11.0"},
    "message": "GET / 500",
    "log": {"offset": 1761, "file": {"device_id": "64514", "inode": "140027", "path": "/var/log/nginx/access.log"}},
    "input": {"type": "filestream"},
    "ecs": {"version": "8.0.0"},
    "host": {"name": "web-1.example.com", "ip": ["192.0.2.7"], "os": {"kernel": "6.1"}},
    "agent": {"id": "a1", "name": "web-1.example.com", "type": "filebeat", "ephemeral_id": "e1"},
}

TEXT = st.one_of(st.text(max_size=30), st.sampled_from([" ERROR x", "x\r\n", "2025-01-02 03:04:05 x", " ", "", "a\0b"]))
SCALAR = st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63), st.floats(allow_nan=False, width=16), TEXT)
ANYTHING = st.recursive(SCALAR, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2))
TIMES = st.sampled_from(
    ["2025-01-02T02:04:05.678Z", "2025-01-02T02:04:05", "2030-01-01T00:00:00Z", "20250102", "0", ""]
)


OFFSETS = st.one_of(st.integers(0, 2**40), st.floats(0, 1e6), SCALAR)
NAMED = st.one_of(st.sampled_from(["/var/log/a.log", "web-1", " web-1 "]), st.text(min_size=1), TEXT)


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a default record with other values; sometimes parts of it are changed, left out or added."""
    record: dict[str, Any] = {**DEFAULT, "@timestamp": draw(TIMES), "message": draw(TEXT)}
    record["log"] = {"offset": draw(OFFSETS), "file": {"path": draw(NAMED), "inode": draw(SCALAR)}}
    record["host"] = {"name": draw(NAMED), draw(st.sampled_from(["id", "hostname"])): draw(SCALAR)}
    if draw(st.sampled_from([False, False, True])):
        record[draw(st.sampled_from([*DEFAULT, "fields", "tags", "service", "_p"]))] = draw(ANYTHING)
    if draw(st.sampled_from([False, False, True])):
        record.pop(draw(st.sampled_from(["agent", "ecs", "input", "log"])))
    return record


@given(records(), st.sampled_from([0.0, 1735783446.0]))
def test_both_paths_give_the_same_entry(event: dict[str, Any], timestamp: float) -> None:
    value = wire.encode(event)
    record = Record(value, b"key-1", (), timestamp, "t")

    short = beats.from_default(value, record, RULES)

    assert short is None or short == objects.to_entry(json.loads(value), record, RULES)


def test_the_default_record_takes_the_short_path() -> None:
    value = wire.encode(DEFAULT)

    found = beats.from_default(value, Record(value, None, (), 1735783446.0, "t"), RULES)

    assert isinstance(found, Entry)
    assert found.service == "/var/log/nginx/access.log"
