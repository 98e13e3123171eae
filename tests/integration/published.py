"""Whether what stands on a topic is what is published about it."""

from datetime import datetime

from jsonschema import Draft202012Validator, FormatChecker

from deepsentry import catalogue, wire
from deepsentry.topics import Topic
from tests.integration.stream import Stream


def demand_valid(stream: Stream, topic: Topic) -> None:
    """Demand that `topic` holds something, and only CloudEvents of its type whose values are of its schema."""
    [flow] = [each for each in catalogue.FLOWS if each.topic == topic]
    [kind] = flow.values
    [schema] = [each for each in catalogue.schemas().values() if each["title"] == kind.__name__]
    validator = Draft202012Validator(schema, format_checker=FormatChecker())
    records = stream.stored(topic.name)
    assert records
    for record in records:
        headers = {name: value.decode() for name, value in record.headers}
        assert set(catalogue.HEADERS) <= set(headers)
        assert (headers["ce_specversion"], headers["ce_type"]) == ("1.0", flow.event)
        assert datetime.fromisoformat(headers["ce_time"]).tzinfo
        validator.validate(wire.from_json(record.value))
