"""Every error has one way to be told; none of them tells the inside."""

import inspect

import pytest
from starlette.requests import Request

from api import errors, problems
from deepsentry import errors as house
from deepsentry import wire

OURS = sorted(
    {
        kind
        for module in (errors, house)
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, house.DeepSentryError)
    },
    key=lambda kind: kind.__name__,
)
SPECIAL = {
    errors.InvalidInput: errors.InvalidInput({"body.name": "too short"}),
    errors.TooMany: errors.TooMany("wait", 12.4),
    house.TargetAway: house.TargetAway("away", 1.0),
}


def told(error: Exception) -> tuple[int, dict[str, object], dict[str, str]]:
    request = Request({"type": "http", "state": {"request_id": "r-1"}})
    response = problems.answer(request, error)
    body = wire.decode(dict[str, object], bytes(response.body))
    return response.status_code, body, dict(response.headers)


@pytest.mark.parametrize("kind", OURS, ids=lambda kind: kind.__name__)
def test_every_error_is_told_as_a_problem(kind: type[house.DeepSentryError]) -> None:
    status, body, headers = told(SPECIAL.get(kind) or kind("some words"))
    assert status == body["status"]
    assert 400 <= status <= 599
    assert str(body["type"]).startswith("urn:deepsentry:problem:")
    assert (body["request_id"], headers["content-type"]) == ("r-1", "application/problem+json")
    problems.Problem.model_validate(body)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.Duplicate("x"), 409),
        (errors.StoreAway("x"), 503),
        (house.TopicMissing("x"), 503),
        (house.VersionMissing("x"), 404),
        (house.TrainingError("x"), 500),
        (ValueError("x"), 500),
    ],
)
def test_the_nearest_ancestor_decides(error: Exception, status: int) -> None:
    assert told(error)[0] == status


@pytest.mark.parametrize(
    "error",
    [
        house.KafkaError("broker kafka-1.internal:9092: SASL handshake"),
        house.VersionRefused("/srv/registry/detector/3: digest differs"),
        house.SettingsError("mongo.url: mongodb://user:secret@host"),
        RuntimeError("secret"),
    ],
)
def test_hosts_folders_and_accidents_are_not_told(error: Exception) -> None:
    _, body, _ = told(error)
    for inside in ("internal", "9092", "/srv", "digest", "mongodb", "secret", "SASL"):
        assert inside not in str(body)


def test_headers_say_how_to_go_on() -> None:
    assert told(errors.TooMany("wait", 12.4))[2]["retry-after"] == "12"
    assert told(errors.TooMany("wait", 0.1))[2]["retry-after"] == "1"
    assert told(errors.Unknown("who"))[2]["www-authenticate"] == 'Bearer realm="deepsentry"'


def test_faults_are_few_and_short() -> None:
    _, body, _ = told(errors.InvalidInput({f"body.{n}": "bad" for n in range(1000)}))
    faults = body["faults"]
    assert isinstance(faults, list)
    assert len(faults) == problems.MOST_FAULTS
