"""The compose file and the image fit the specification of compose and the code; no container engine is needed."""

import contextlib
import re
import tomllib
from pathlib import Path
from typing import Any

import click
import jsonschema
import pytest
import typer
import yaml

from deepsentry import settings
from deepsentry.__main__ import app
from deepsentry.topics import TOPICS

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.kafka.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("deepsentry:")}
WORKERS = {name: service for name, service in OURS.items() if service["command"][0] == "worker"}
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")

TEXTS = {"type": "array", "items": {"type": "string"}, "uniqueItems": True}
DURATION = {"type": "string", "pattern": r"^(\d+(ms|us|h|m|s))+$"}
# The part of the compose specification (compose-spec/compose-spec, 05-services.md and what follows it) that is used
# here, narrower in one place: every variable is text, since a YAML number or boolean may be written anew on its way.
SPECIFICATION = {
    "type": "object",
    "required": ["services"],
    "additionalProperties": False,
    "patternProperties": {"^x-": {}},
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]*$"},
        "services": {
            "type": "object",
            "additionalProperties": False,
            "patternProperties": {"^[a-zA-Z0-9._-]+$": {"$ref": "#/definitions/service"}},
        },
        "networks": {"type": "object", "additionalProperties": {"type": "object", "maxProperties": 0}},
        "volumes": {"type": "object", "additionalProperties": {"type": "object", "maxProperties": 0}},
        "secrets": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "required": ["file"],
                "additionalProperties": False,
                "properties": {"file": {"type": "string"}},
            },
        },
    },
    "definitions": {
        "service": {
            "type": "object",
            "required": ["image"],
            "additionalProperties": False,
            "properties": {
                "build": {"type": "string"},
                "cap_drop": TEXTS,
                "command": {"type": "array", "items": {"type": "string"}},
                "depends_on": {
                    "type": "object",
                    "additionalProperties": {
                        "type": "object",
                        "required": ["condition"],
                        "additionalProperties": False,
                        "properties": {
                            "condition": {
                                "enum": ["service_started", "service_healthy", "service_completed_successfully"]
                            }
                        },
                    },
                },
                "environment": {
                    "type": "object",
                    "additionalProperties": False,
                    "patternProperties": {"^[A-Z][A-Z0-9_]*$": {"type": "string"}},
                },
                "healthcheck": {
                    "type": "object",
                    "required": ["test"],
                    "additionalProperties": False,
                    "properties": {
                        "test": {
                            "type": "array",
                            "items": {"type": "string"},
                            "minItems": 2,
                            "prefixItems": [{"const": "CMD"}],
                        },
                        "interval": DURATION,
                        "timeout": DURATION,
                        "start_period": DURATION,
                        "retries": {"type": "integer", "minimum": 1},
                    },
                },
                "hostname": {"type": "string"},
                "image": {"type": "string"},
                "init": {"type": "boolean"},
                "logging": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {
                        "driver": {"type": "string"},
                        "options": {"type": "object", "additionalProperties": {"type": "string"}},
                    },
                },
                "networks": TEXTS,
                "ports": TEXTS,
                "profiles": TEXTS,
                "read_only": {"type": "boolean"},
                "restart": {"type": "string", "pattern": r"^(no|always|unless-stopped|on-failure(:\d+)?)$"},
                "secrets": TEXTS,
                "security_opt": TEXTS,
                "stop_grace_period": DURATION,
                "tmpfs": TEXTS,
                "user": {"type": "string", "pattern": r"^\d+:\d+$"},
                "volumes": TEXTS,
            },
        }
    },
}


def test_the_file_has_the_form_that_compose_asks_for() -> None:
    jsonschema.Draft202012Validator.check_schema(SPECIFICATION)
    jsonschema.Draft202012Validator(SPECIFICATION).validate(COMPOSE)


@pytest.mark.parametrize("kind", ["networks", "volumes", "secrets"])
def test_what_services_use_is_declared_and_what_is_declared_is_used(kind: str) -> None:
    used = {item.split(":")[0] for service in SERVICES.values() for item in service.get(kind, [])}
    assert used == set(COMPOSE[kind])


def test_a_service_waits_only_for_services_that_can_reach_that_state() -> None:
    for service in SERVICES.values():
        for name, wait in service.get("depends_on", {}).items():
            if wait["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[name]
            else:
                assert SERVICES[name]["restart"] in {"no", "on-failure:3"}


def test_workers_start_once_the_topics_are_there_and_the_topics_once_the_broker_is_healthy() -> None:
    assert set(WORKERS) == {"sanitize", "score", "alert", "index", "jobs"}
    for service in WORKERS.values():
        assert service["depends_on"] == {"topics": {"condition": "service_completed_successfully"}}
    assert SERVICES["topics"]["depends_on"] == {"kafka": {"condition": "service_healthy"}}


@pytest.mark.parametrize("name", OURS)
def test_every_variable_of_ours_is_a_setting_that_the_code_takes(name: str, tmp_path: Path) -> None:
    secret, config = tmp_path / "site_key", tmp_path / "deepsentry.toml"
    secret.write_text("0123456789abcdef")
    config.touch()
    environment = {key: str(secret) if key.endswith("_FILE") else value for key, value in _ours(name).items()}
    found, origins = settings.load(environment, config)
    assert set(origins.values()) == set(environment)
    assert found.kafka.bootstrap in SERVICES["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]


@pytest.mark.parametrize("name", OURS)
def test_a_secret_comes_from_a_file_that_is_mounted(name: str) -> None:
    files = {value for key, value in _ours(name).items() if key.endswith("_FILE")}
    assert files == {f"/run/secrets/{secret}" for secret in OURS[name].get("secrets", [])}


@pytest.mark.parametrize("name", OURS)
def test_every_command_of_ours_exists(name: str) -> None:
    command: click.Command = typer.main.get_command(app)
    words = list(OURS[name]["command"])
    context = click.Context(command)
    while isinstance(command, click.Group) and (words or not command.invoke_without_command):
        word, found, words = command.resolve_command(context, words)
        assert found is not None
        command = found
        with contextlib.suppress(click.exceptions.Exit):  # --help ends here
            context = command.make_context(word, list(words), parent=context)


def test_the_health_of_a_worker_is_asked_where_it_answers() -> None:
    for name, service in WORKERS.items():
        assert f":{_ours(name)['DEEPSENTRY_WORKER__PORT']}/health/live" in service["healthcheck"]["test"][-1]


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_has_more_rights_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service.get("read_only", False) or name == "kafka"
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_has_a_version(name: str) -> None:
    assert re.fullmatch(r"[a-z0-9./-]+:v?\d+\.\d+\.\d+(@sha256:[0-9a-f]{64})?", SERVICES[name]["image"])


def test_kafka_makes_no_topic_by_itself_and_keeps_its_data_on_a_volume() -> None:
    environment = SERVICES["kafka"]["environment"]
    assert environment["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"
    assert f"kafka:{environment['KAFKA_LOG_DIRS']}" in SERVICES["kafka"]["volumes"]


def test_kafka_maps_and_advertises_the_listeners_that_it_has() -> None:
    environment = SERVICES["kafka"]["environment"]

    def names(variable: str) -> set[str]:
        return {listener.split(":")[0] for listener in environment[variable].split(",")}

    assert names("KAFKA_LISTENERS") == names("KAFKA_LISTENER_SECURITY_PROTOCOL_MAP")
    assert names("KAFKA_ADVERTISED_LISTENERS") == names("KAFKA_LISTENERS") - names("KAFKA_CONTROLLER_LISTENER_NAMES")
    assert names("KAFKA_INTER_BROKER_LISTENER_NAME") <= names("KAFKA_ADVERTISED_LISTENERS")


def test_the_user_interface_shows_no_raw_record() -> None:
    pattern = SERVICES["kafka-ui"]["environment"]["KAFKA_CLUSTERS_0_MASKING_0_TOPICVALUESPATTERN"]
    masked = {topic.name for topic in TOPICS if re.fullmatch(pattern, topic.name)}
    assert masked == {"deepsentry.logs.raw.v1", "deepsentry.logs.rejected.v1"}


def test_the_image_holds_every_package_that_the_project_names_and_runs_as_nobody_special() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
    assert set(re.findall(r"^COPY (\w+) /app/\1$", DOCKERFILE, re.MULTILINE)) == packages
    assert re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE) == ["10001:10001"]


def test_the_build_sees_what_the_image_copies_and_nothing_else() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    seen = {line[1:] for line in lines if line.startswith("!")}
    copied = set(re.findall(r"^COPY (?!--)([\w.]+) ", DOCKERFILE, re.MULTILINE))
    assert "*" in lines
    assert seen == copied


def _ours(name: str) -> dict[str, str]:
    environment: dict[str, str] = OURS[name]["environment"]
    return {key: value for key, value in environment.items() if key.startswith(settings.PREFIX)}
