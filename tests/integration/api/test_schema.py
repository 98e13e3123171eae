"""The schema is good enough to generate a client from: names, examples, and every problem that can be answered."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from api.app import ROUTES, create_app
from api.auth import keys
from api.parts import utc_now
from api.routes import health, links
from deepsentry.control import Api
from deepsentry.settings import Settings

OPEN = {"sign_in", "give_code", "refresh", "accept_invitation"}
BODIES = {"post", "put", "patch"}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    folder = tmp_path_factory.mktemp("keys")
    keys.ensure(folder, utc_now())
    return create_app(Settings(api=Api(keys=folder)))


@pytest.fixture(scope="module")
def schema(app: FastAPI) -> dict[str, Any]:
    return app.openapi()


def operations(schema: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            if path.startswith("/api/"):
                yield path, method, operation


def test_every_operation_has_a_name_of_its_own_and_says_what_it_does(schema: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(schema)]
    assert len(set(names)) == len(names) > 30
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", name) for name in names)
    assert all(operation["description"].endswith(".") for _, _, operation in operations(schema))


def test_every_operation_declares_its_problems(schema: dict[str, Any]) -> None:
    for path, method, operation in operations(schema):
        wanted = {"401", "403", "422", "429", "500", "503"}
        if method in BODIES:
            wanted |= {"409", "413"}
        if "{" in path:
            wanted |= {"404"}
        if any(parameter["name"] == "if-match" for parameter in operation.get("parameters", [])):
            wanted |= {"412", "428"}
        assert wanted <= set(operation["responses"]), (method, path)
        for status, response in operation["responses"].items():
            if status.startswith(("4", "5")):
                assert set(response["content"]) == {"application/problem+json"}, (method, path, status)


def test_what_wants_a_sign_in_says_so_and_the_rest_is_named_here(schema: dict[str, Any]) -> None:
    without = {operation["operationId"] for _, _, operation in operations(schema) if not operation.get("security")}
    assert without == OPEN


def test_every_post_takes_an_idempotency_key_and_every_list_a_cursor(schema: dict[str, Any]) -> None:
    for path, method, operation in operations(schema):
        names = {parameter["name"] for parameter in operation.get("parameters", [])}
        assert ("idempotency-key" in names) is (method == "post"), path
        shown = operation["responses"].get("200", {}).get("content", {}).get("application/json", {}).get("schema", {})
        if "PageOf" in str(shown.get("$ref", "")):
            assert {"limit", "cursor"} <= names, path


def test_every_body_refuses_unknown_fields_and_has_examples_for_free_text(schema: dict[str, Any]) -> None:
    for path, method, operation in operations(schema):
        if "requestBody" not in operation:
            continue
        content = operation["requestBody"]["content"].get("application/json")
        if content is None:
            continue  # a file
        if "$ref" not in content["schema"]:
            assert {"anyOf", "oneOf", "items"} & set(content["schema"]), (method, path)
            continue  # several kinds of a body; each is looked at by name where it stands alone
        body = schema["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
        assert body["additionalProperties"] is False, (method, path)
        for name, field in body["properties"].items():
            if "pattern" in field and "enum" not in field and "token" not in name:
                assert field.get("examples"), (path, name)


def test_no_part_of_a_path_is_free_text(schema: dict[str, Any]) -> None:
    for path, _, operation in operations(schema):
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "path":
                assert {"pattern", "enum", "format", "minimum"} & set(parameter["schema"]), (path, parameter["name"])
            elif parameter["schema"].get("type") == "string" or "anyOf" in parameter["schema"]:
                kinds = parameter["schema"].get("anyOf", [parameter["schema"]])
                limits = {"pattern", "maxLength", "enum", "maximum", "format", "const"}
                for kind in kinds:
                    plain = kind.get("type") in {"null", "number", "integer", "boolean"}
                    assert plain or limits & set(kind) or "$ref" in kind, (path, parameter["name"])


def test_documentation_pages_that_load_from_elsewhere_are_not_served(app: FastAPI) -> None:
    assert {"/docs", "/redoc"} & {getattr(route, "path", "") for route in app.routes} == set()


def test_no_dependency_of_a_route_waits_for_a_thread() -> None:
    def plain(dependant: Dependant) -> Iterator[str]:
        for each in dependant.dependencies:
            if not each.is_coroutine_callable:
                yield str(each.call)
            yield from plain(each)

    routes = [route for router in (*ROUTES, health.routes, links.routes) for route in router.routes]
    found = {each for route in routes if isinstance(route, APIRoute) for each in plain(route.dependant)}
    assert len(routes) > 80
    assert found == set()
