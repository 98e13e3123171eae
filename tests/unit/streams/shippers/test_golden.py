"""What each shipper sends, and the entry it becomes: tests/golden/shippers, one file a family."""

import json
from pathlib import Path
from typing import Any

import pytest

from deepsentry import wire
from deepsentry.events import Entry, Rejected
from deepsentry.sections import Ingest
from streams.shippers import Record, create_decoder

GOLDEN = Path(__file__).parents[3] / "golden" / "shippers"
CASES = [(path.stem, case) for path in sorted(GOLDEN.glob("*.json")) for case in json.loads(path.read_text())]


def outcome(expected: dict[str, Any], found: Entry | Rejected) -> Entry | Rejected:
    if "rejected" in expected:
        detail = found.detail if isinstance(found, Rejected) else ""
        return Rejected(expected["rejected"], detail, expected["index"])
    return wire.decode(Entry, wire.encode(expected))


@pytest.mark.parametrize(("family", "case"), CASES, ids=[f"{family}: {case['name']}" for family, case in CASES])
def test_a_record_becomes_the_documented_entry(family: str, case: dict[str, Any]) -> None:
    topic = f"t-{family}"
    formats = {"formats": {topic: case["format"]}} if "format" in case else {}
    decode = create_decoder(Ingest(**formats, default_timezone=case.get("timezone", "UTC")))
    value = None if "none" in case else bytes.fromhex(case["hex"]) if "hex" in case else case["text"].encode()
    headers = tuple((name, text.encode()) for name, text in case.get("headers", []))
    record = Record(value, case["key"].encode() if "key" in case else None, headers, 1735783446.0, topic)

    found = decode(record)

    assert found == [outcome({"service": topic, **expected}, found[at]) for at, expected in enumerate(case["outcomes"])]
