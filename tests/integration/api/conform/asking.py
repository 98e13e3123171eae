"""Asks every operation of the schema as somebody, and compares each answer with the schema and with the rights."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.problems import MEDIA, TYPE
from tests.integration.api.conform.callers import Caller
from tests.integration.api.conform.given import Known
from tests.integration.api.conform.rights import REFUSALS, may

CHECKS: Final = [
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]
TAR: Final = "application/x-tar"
PATIENCE: Final = 30.0
"""Seconds."""
LIKELY: Final = 0.75
"""Share of the valid cases that are about what is there; the others stay as they were generated."""
PAGES: Final = {"look", "say"}
"""They answer people: with a page, also where they refuse."""


@dataclass
class Found:
    """What came of one caller's cases."""

    caller: str
    cases: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    done: set[str] = field(default_factory=set)
    """Operations that were answered with 2xx at least once."""
    failures: dict[str, str] = field(default_factory=dict)
    """Operation and what is wrong -> how to see it again."""


class Asking:
    """One caller against one server; `known` gives what a case of an operation should hold."""

    def __init__(self, schema: dict[str, Any], url: str, caller: Caller, known: Callable[[str], Known]) -> None:
        config = schemathesis.Config()
        config.projects.default.generation.update(with_security_parameters=False)
        config.projects.default.update(base_url=url, request_timeout=PATIENCE)
        self._schema = schemathesis.openapi.from_dict(schema, config=config)
        self._url = url
        self._caller = caller
        self._known = known
        self._session = requests.Session()
        self.found = Found(caller.name)

    def ask(self, cases: int, number: int) -> Found:
        """Ask until so many cases were asked; `number` is the seed."""
        operations = [each.ok() for each in self._schema.get_all_operations()]
        round_ = 0
        while self.found.cases < cases:
            each = max(1, -(-(cases - self.found.cases) // (2 * len(operations))))
            for operation in operations:
                for mode in GenerationMode:
                    self._some(operation, mode, each, number + round_)
            round_ += 1
        return self.found

    def _some(self, operation: Any, mode: GenerationMode, cases: int, number: int) -> None:
        try:
            strategy = operation.as_strategy(generation_mode=mode)
        except schemathesis.errors.InvalidSchema as error:
            self.found.failures[f"{operation.label}: {error}"] = ""
            return
        luck = random.Random(f"{number} {operation.label} {mode}")  # noqa: S311 - which cases, not which secret

        @seed(number)
        @settings(
            max_examples=cases,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(strategy)
        def each(case: Case) -> None:
            self._one(case, luck)

        with suppress(Unsatisfiable):  # an operation without input has none that is wrong
            each()

    def _one(self, case: Case, luck: random.Random) -> None:
        name = case.operation.definition.raw["operationId"]
        headers, own = dict(self._caller.headers), False
        valid = case.meta is None or case.meta.generation.mode is GenerationMode.POSITIVE
        if valid and luck.random() < LIKELY:
            headers, parts, body = self._known(name)
            _fill(case, parts, body, luck)
            own = True
        if valid and name == "import_version" and luck.random() < LIKELY:
            case.body = self._caller.archive
        if valid and "project" in case.path_parameters and luck.random() > LIKELY:
            case.path_parameters["project"], own = self._caller.other.id, False
        # each from elsewhere: what one tries does not make the next one wait
        headers["X-Forwarded-For"] = ".".join(str(luck.randrange(1, 255)) for _ in range(4))
        response = case.call(session=self._session, headers=headers, base_url=self._url)
        self.found.cases += 1
        self.found.statuses[response.status_code] += 1
        if response.status_code < 300:
            self.found.done.add(name)
        wrong = list(_wrong(response, name, self._caller, own=own))
        try:
            case.validate_response(response, checks=CHECKS)
        except FailureGroup as group:
            wrong += [f"{type(each).__name__}: {each.title}" for each in group.exceptions]
            detail = str(group)
        else:
            detail = f"{case.as_curl_command(headers=headers)}\n{response.status_code} {response.text[:500]}"
        for each in wrong:
            self.found.failures.setdefault(f"{case.operation.label}: {each}", detail)


def _fill(case: Case, parts: dict[str, str], body: dict[str, Any], luck: random.Random) -> None:
    for name in case.path_parameters:
        if name in parts:
            case.path_parameters[name] = parts[name]
    if isinstance(case.body, dict):
        case.body |= {name: value for name, value in body.items() if name != "instead_of" or name in case.body}
    if "if-match" in {name.lower() for name in case.headers} or case.method in {"PATCH", "DELETE"}:
        case.headers["If-Match"] = luck.choice(["*", '"1"', '"7"'])


def _wrong(response: Response, name: str, caller: Caller, *, own: bool) -> Iterator[str]:
    """Yield what is wrong beside what the schema says."""
    status = response.status_code
    if status >= 500:
        yield f"answered {status}"
    if not may(name, caller.kind, caller.role, caller.own if own else None):
        if status < 400:
            yield f"answered {caller.name}, who may not"
        elif status not in REFUSALS:
            yield f"tells {caller.name}, who may not: {status}"
    if status >= 400 and name not in PAGES and not (name == "ready" and status == 503):
        kind = response.headers.get("content-type", [""])[0]
        problem = response.json() if kind == MEDIA else {}
        if problem.get("status") != status or not str(problem.get("type", "")).startswith(TYPE):
            yield f"answered {status} without a problem"


def archives() -> None:
    """Teach schemathesis to send archives: bytes as they are."""

    @schemathesis.serializer(TAR)
    def _raw(_: Any, value: Any) -> dict[str, Any]:
        data = getattr(value, "data", value)
        return {"data": data if isinstance(data, bytes) else str(data).encode()}
