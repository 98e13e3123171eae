"""What stands on the topics, for programs: a JSON Schema of every event, and an AsyncAPI 3 document of all topics."""

import ast
import inspect
import itertools
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec

from deepsentry import __version__, events, topics, wire
from deepsentry.topics import Topic

Direction = Literal["receive", "send", "both"]
Schema = dict[str, Any]
DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
BINDING: Final = "0.5.0"
"""Version of AsyncAPI's Kafka bindings."""
PARTS: Final = "#/$defs/{name}"
COMPONENTS: Final = "#/components/schemas/{name}"
HEADERS: Final = ("ce_specversion", "ce_type", "ce_source", "ce_id", "ce_time", "content-type")


@dataclass(frozen=True, slots=True)
class Flow:
    """What stands on a topic, and whether DeepSentry reads it from others, writes it for others, or both."""

    topic: Topic
    direction: Direction
    values: tuple[type[msgspec.Struct], ...] = ()
    """None: bytes as a shipper sent them."""
    event: str = ""
    """CloudEvents type of its records; empty where they carry no attributes."""


FLOWS: Final = (
    Flow(topics.RAW, "receive"),
    Flow(topics.CLEAN, "send", (events.CleanEntry,)),
    Flow(topics.REJECTED, "send"),
    Flow(topics.REPLAYS, "both", (events.Replay,)),
    Flow(topics.SEQUENCES, "both", (events.Cut,)),
    Flow(topics.ANOMALIES, "send", (events.Anomaly,), "io.deepsentry.anomaly.detected.v1"),
    Flow(topics.ALERTS, "send", (events.Alert,), "io.deepsentry.alert.changed.v1"),
    Flow(topics.RECEIPTS, "both", (events.Receipt,)),
    Flow(topics.MODELS, "both", (events.Promotion,)),
    Flow(topics.FEEDBACK, "both", (events.Silence, events.Verdict)),
    Flow(topics.JOBS, "both", (events.Job,)),
    Flow(topics.REPORTS, "both", (events.JobReport,)),
    Flow(topics.SHADOW, "send", (events.Comparison,)),
    Flow(topics.SCORES, "send", (events.ScoreCounts,)),
    Flow(topics.WORKERS, "send", (events.WorkerStatus,)),
)
"""In the order of `topics.TOPICS`."""


def schemas() -> dict[str, Schema]:
    """Return file name -> JSON Schema of each event that stands on a topic, and of what a webhook gets beside it."""
    kinds: list[type[msgspec.Struct]] = [*(kind for flow in FLOWS for kind in flow.values), events.Context]
    return {f"{_dashed(kind.__name__)}.v1.json": _alone(kind) for kind in kinds}


def documents() -> dict[str, str]:
    """Return file name -> text of what is published in docs/schemas/."""
    found = {**schemas(), "asyncapi.json": asyncapi()}
    return {name: f"{wire.pretty(value)}\n" for name, value in found.items()}


def asyncapi() -> Schema:
    """Return the AsyncAPI 3.0 document of all topics."""
    kinds = [kind for flow in FLOWS for kind in flow.values]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "DeepSentry",
            "version": __version__,
            "description": "What DeepSentry reads from Kafka and writes to it. Values are JSON, keys are UTF-8.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {_id(flow): _channel(flow) for flow in FLOWS},
        "operations": {
            f"{action}-{_id(flow)}": _operation(flow, action) for flow in FLOWS for action in _actions(flow.direction)
        },
        "components": {
            "messages": {name: message for flow in FLOWS for name, message in _messages(flow)},
            "schemas": _described(kinds, COMPONENTS),
        },
    }


def _alone(kind: type[msgspec.Struct]) -> Schema:
    parts = _described([kind], PARTS)
    own = parts.pop(kind.__name__)
    return {
        "$schema": DRAFT,
        "$id": f"urn:deepsentry:event:{_dashed(kind.__name__)}:v1",
        **own,
        **({"$defs": parts} if parts else {}),
    }


def _described(kinds: list[type[msgspec.Struct]], reference: str) -> dict[str, Schema]:
    """Return the schemas of `kinds` with what their sources say of each field, and the form of its times."""
    schemas = wire.schemas(kinds, reference)
    for kind in _structs(kinds):
        schema = schemas[kind.__name__]
        schema["description"] = inspect.cleandoc(kind.__doc__ or "")
        notes = _notes(kind)
        for field in msgspec.structs.fields(kind):
            shape = schema["properties"][field.encode_name]
            if "datetime" in str(field.type):
                for each in shape.get("anyOf", [shape]):
                    if each["type"] == "string":
                        each["format"] = "date-time"
            if field.name in notes:  # beside a reference older drafts read nothing
                schema["properties"][field.encode_name] = {"description": notes[field.name], **shape}
    return schemas


def _structs(kinds: list[type[msgspec.Struct]]) -> list[type[msgspec.Struct]]:
    """Return `kinds` and all events in them."""
    found: dict[type[msgspec.Struct], None] = {}

    def walk(shape: Any) -> None:
        match shape:
            case msgspec.inspect.StructType(cls=cls, fields=fields):
                if cls not in found:
                    found[cls] = None
                    for field in fields:
                        walk(field.type)
            case msgspec.inspect.UnionType(types=types):
                for each in types:
                    walk(each)
            case msgspec.inspect.VarTupleType(item_type=item) | msgspec.inspect.DictType(value_type=item):
                walk(item)
            case _:
                return

    for kind in kinds:
        walk(msgspec.inspect.type_info(kind))
    return list(found)


def _notes(kind: type[msgspec.Struct]) -> dict[str, str]:
    """Return field -> the text that stands below it in the source."""
    [body] = [node.body for node in ast.parse(textwrap.dedent(inspect.getsource(kind))).body if hasattr(node, "body")]
    notes = {}
    for line, below in itertools.pairwise(body):
        match line, below:
            case ast.AnnAssign(target=ast.Name(name)), ast.Expr(ast.Constant(str(text))):
                notes[name] = " ".join(text.split())
            case _:
                continue
    return notes


def _channel(flow: Flow) -> Schema:
    topic = flow.topic
    configuration: Schema = {"cleanup.policy": topic.cleanup.split(","), "retention.ms": topic.retention_ms}
    if "max.message.bytes" in topic.config:
        configuration["max.message.bytes"] = int(topic.config["max.message.bytes"])
    partitions = {} if topic.spread else {"partitions": 1}
    return {
        "address": topic.name,
        "description": topic.purpose,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name, _ in _messages(flow)},
        "bindings": {"kafka": {**partitions, "topicConfiguration": configuration, "bindingVersion": BINDING}},
    }


def _operation(flow: Flow, action: str) -> Schema:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{_id(flow)}"},
        "summary": flow.topic.purpose,
        "messages": [{"$ref": f"#/channels/{_id(flow)}/messages/{name}"} for name, _ in _messages(flow)],
    }


def _messages(flow: Flow) -> Iterator[tuple[str, Schema]]:
    if not flow.values:
        yield f"{_id(flow)}-record", {"contentType": "application/octet-stream", "payload": {}}
    for kind in flow.values:
        message: Schema = {
            "name": kind.__name__,
            "contentType": "application/json",
            "payload": {"$ref": COMPONENTS.format(name=kind.__name__)},
        }
        if flow.event:
            message["summary"] = "A CloudEvent 1.0 in Kafka's binary mode."
            message["headers"] = _headers(flow.event)
        yield kind.__name__, message


def _headers(event: str) -> Schema:
    fixed = {"ce_specversion": "1.0", "ce_type": event, "content-type": "application/json"}
    return {
        "type": "object",
        "properties": {
            name: {"type": "string", **({"const": fixed[name]} if name in fixed else {})} for name in HEADERS
        },
        "required": list(HEADERS),
    }


def _actions(direction: Direction) -> tuple[str, ...]:
    match direction:
        case "receive":
            return ("receive",)
        case "send":
            return ("send",)
        case "both":
            return ("receive", "send")


def _id(flow: Flow) -> str:
    return flow.topic.name.removeprefix("deepsentry.").removesuffix(".v1").replace(".", "-")


def _dashed(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()
