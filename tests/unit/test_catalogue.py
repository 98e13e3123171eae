"""What is published about events is what they are."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from typer.testing import CliRunner

from deepsentry import catalogue, topics, wire
from deepsentry.__main__ import app
from deepsentry.events import Context
from tests.architecture.files import ROOT
from tests.architecture.test_values import values

FOLDER = ROOT / "docs/schemas"
KINDS = [*(kind for flow in catalogue.FLOWS for kind in flow.values), Context]


def schema(kind: type[msgspec.Struct]) -> dict[str, Any]:
    [found] = [each for each in catalogue.schemas().values() if each["title"] == kind.__name__]
    return found


def test_what_stands_in_the_repository_is_current() -> None:
    standing = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    assert standing == catalogue.documents(), "run `deepsentry events schemas --to docs/schemas`"


def test_every_topic_is_in_it_once() -> None:
    assert tuple(flow.topic for flow in catalogue.FLOWS) == topics.TOPICS


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_schema_is_one(kind: type[msgspec.Struct]) -> None:
    Draft202012Validator.check_schema(schema(kind))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_every_event_that_can_be_is_valid(kind: type[msgspec.Struct], data: st.DataObject) -> None:
    event = data.draw(values(msgspec.inspect.type_info(kind)))
    validator = Draft202012Validator(schema(kind), format_checker=FormatChecker())
    assert list(validator.iter_errors(wire.from_json(wire.encode(event)))) == []


def test_a_field_says_what_it_is_and_a_time_that_it_is_one() -> None:
    for kind in KINDS:
        if kind.__name__ == "Alert":
            found = schema(kind)["properties"]
            assert found["count"] == {"description": "Distinct anomalies so far.", "type": "integer"}
            assert found["updated_at"]["format"] == "date-time"
            return
    pytest.fail("there is no Alert")


def references(value: object) -> set[str]:
    match value:
        case {"$ref": str(reference)}:
            return {reference}
        case dict():
            return set().union(*map(references, value.values()))
        case list():
            return set().union(*map(references, value))
        case _:
            return set()


def test_everything_that_the_asyncapi_document_refers_to_is_in_it() -> None:
    document = wire.from_json(wire.encode(catalogue.asyncapi()))
    for reference in references(document):
        place: Any = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def test_the_commands_write_and_print_them(tmp_path: Path) -> None:
    runner = CliRunner()
    assert runner.invoke(app, ["events", "schemas", "--to", str(tmp_path / "new")]).exit_code == 0
    assert {path.name for path in (tmp_path / "new").iterdir()} == set(catalogue.documents())
    assert wire.from_json(runner.invoke(app, ["events", "asyncapi"]).stdout) == wire.from_json(
        wire.encode(catalogue.asyncapi())
    )
