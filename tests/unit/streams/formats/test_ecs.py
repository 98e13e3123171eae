"""ECS against a table of the fields that we use: no package carries its schema, so their types stand here, as read in
elastic/ecs (generated/elasticsearch/composable/component, 9.0 to 9.3)."""

from datetime import datetime
from typing import Any

import msgspec
import pytest

from deepsentry import wire
from deepsentry.events import Alert, AlertStatus
from streams.formats import ecs
from tests.unit.streams.alerts.builders import alert, anomaly, hostile

FIELDS = {
    "@timestamp": "date",
    "ecs.version": "keyword",
    "message": "text",
    "tags": "keyword",
    "event.action": "keyword",
    "event.category": "keyword",
    "event.created": "date",
    "event.dataset": "keyword",
    "event.end": "date",
    "event.id": "keyword",
    "event.kind": "keyword",
    "event.module": "keyword",
    "event.original": "text",
    "event.provider": "keyword",
    "event.reason": "keyword",
    "event.risk_score": "float",
    "event.risk_score_norm": "float",
    "event.severity": "long",
    "event.start": "date",
    "event.type": "keyword",
    "host.name": "keyword",
    "labels.*": "keyword",
    "log.level": "keyword",
    "related.hash": "keyword",
    "related.hosts": "keyword",
    "rule.description": "keyword",
    "rule.id": "keyword",
    "rule.name": "keyword",
    "rule.reference": "keyword",
    "rule.ruleset": "keyword",
    "rule.uuid": "keyword",
    "rule.version": "keyword",
    "service.name": "keyword",
}
TYPES_OF_HOST = {"access", "change", "end", "info", "start"}
"""What event.type may be where event.category is `host`."""


def leaves(value: Any, name: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [leaf for key, item in value.items() for leaf in leaves(item, f"{name}.{key}" if name else key)]
    return [(name, item) for item in (value if isinstance(value, list) else [value])]


def valid(document: dict[str, Any]) -> None:
    for name, value in leaves(document):
        kind = FIELDS["labels.*" if name.startswith("labels.") else name]
        match kind:
            case "keyword":
                assert isinstance(value, str), name
                assert 0 < len(value) <= 1024, name
            case "text":
                assert isinstance(value, str), name
            case "date":
                assert datetime.fromisoformat(value).tzinfo, name
            case "long":
                assert isinstance(value, int), name
            case _:
                assert isinstance(value, int | float), name
    assert document["event"]["kind"] == "alert"
    assert document["event"]["category"] == ["host"]
    assert set(document["event"]["type"]) <= TYPES_OF_HOST


def document(of: Alert) -> dict[str, Any]:
    found = wire.from_json(wire.encode(ecs.document(of)))
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("status", ["pending", "firing", "resolved", "suppressed"])
def test_each_state_is_a_document(status: AlertStatus) -> None:
    changed = msgspec.structs.replace(alert().alert, status=status, runbook="https://example.com/r", silence="s")
    valid(document(changed))


def test_what_is_not_known_is_not_said() -> None:
    found = document(alert("opened", anomaly(service="", host="", lines=(), score=float("inf"))).alert)
    valid(found)
    assert not {"service", "host"} & set(found)
    assert "risk_score" not in found["event"]


def test_hostile_text_fits_its_fields() -> None:
    valid(document(hostile().alert))
