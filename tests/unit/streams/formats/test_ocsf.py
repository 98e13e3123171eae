"""OCSF against the schema that its authors published, as the package `ocsf-json-schema` carries it."""

from typing import Any

import msgspec
import ocsf_json_schema
import pytest
from jsonschema import Draft202012Validator

from deepsentry import wire
from deepsentry.events import Alert, AlertStatus, Severity, View
from streams.formats import ocsf
from tests.unit.streams.alerts.builders import alert, anomaly, hostile


@pytest.fixture(scope="module", params=["1.7.0", "1.8.0"])
def schema(request: pytest.FixtureRequest) -> Draft202012Validator:
    published = ocsf_json_schema.OcsfJsonSchemaEmbedded(ocsf_json_schema.get_ocsf_schema(version=request.param))
    return Draft202012Validator(published.get_class_schema(class_name="detection_finding", profiles=[]))


def errors(schema: Draft202012Validator, finding: dict[str, Any]) -> list[str]:
    return [f"{list(error.absolute_path)}: {error.message[:200]}" for error in schema.iter_errors(finding)]


def finding(of: Alert) -> dict[str, Any]:
    found = wire.from_json(wire.encode(ocsf.finding(of)))
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("status", ["pending", "firing", "resolved", "suppressed"])
@pytest.mark.parametrize("severity", ["info", "warning", "error", "critical"])
def test_each_state_is_a_finding(schema: Draft202012Validator, status: AlertStatus, severity: Severity) -> None:
    changed = msgspec.structs.replace(alert().alert, status=status, severity=severity, reason="known", count=2)
    assert errors(schema, finding(changed)) == []


@pytest.mark.parametrize("view", ["novelty", "profile", "sequence"])
def test_each_view_is_an_analysis(schema: Draft202012Validator, view: View) -> None:
    assert errors(schema, finding(alert("opened", anomaly(view=view, service="", host="")).alert)) == []


def test_hostile_text_is_a_finding_too(schema: Draft202012Validator) -> None:
    found = finding(hostile().alert)
    assert errors(schema, found) == []
    assert "\\x1b" in found["message"]


def test_the_schema_would_tell_what_is_none(schema: Draft202012Validator) -> None:
    found = finding(alert().alert)
    for wrong in ({"activity_id": 77}, {"time": "now"}, {"mood": "odd"}, {"finding_info": {}}):
        assert errors(schema, {**found, **wrong})


@pytest.mark.parametrize(("score", "risk"), [(0.0, 0), (1.0, 50), (2.0, 75), (9.0, 100), (float("inf"), 100)])
def test_the_threshold_is_half_the_risk(score: float, risk: int) -> None:
    assert ocsf.risk(anomaly(score=score)) == risk
