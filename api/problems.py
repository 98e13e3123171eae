"""Problem details (RFC 9457): one table from errors to statuses, looked up along the MRO; no word of the inside."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from api import errors
from deepsentry import errors as house
from deepsentry import wire

MEDIA: Final = "application/problem+json"
TYPE: Final = "urn:deepsentry:problem:"
MOST_FAULTS: Final = 20


class Kind(NamedTuple):
    """How a class of errors is told; `title` is the same for each of its errors."""

    status: HTTPStatus
    name: str
    title: str


TABLE: Final[Mapping[type[Exception], Kind]] = {
    errors.Unknown: Kind(HTTPStatus.UNAUTHORIZED, "unknown", "It is not known who asks"),
    errors.Refused: Kind(HTTPStatus.FORBIDDEN, "refused", "This is not allowed to you"),
    house.NotFound: Kind(HTTPStatus.NOT_FOUND, "not-found", "There is no such thing, or not for you"),
    errors.Conflict: Kind(HTTPStatus.CONFLICT, "conflict", "This contradicts what is there"),
    errors.Duplicate: Kind(HTTPStatus.CONFLICT, "duplicate", "A value that must be unique is taken"),
    errors.InProgress: Kind(HTTPStatus.CONFLICT, "in-progress", "The same request is still being answered"),
    errors.KeyReused: Kind(HTTPStatus.CONFLICT, "key-reused", "The idempotency key came with another request"),
    errors.RevisionPassed: Kind(HTTPStatus.PRECONDITION_FAILED, "revision-passed", "It was changed since it was read"),
    errors.TooLarge: Kind(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", "The body is larger than is allowed"),
    errors.InvalidInput: Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-input", "Parts of the request cannot be used"),
    errors.RevisionMissing: Kind(
        HTTPStatus.PRECONDITION_REQUIRED, "revision-missing", "Say which revision you saw, by If-Match"
    ),
    errors.TooMany: Kind(HTTPStatus.TOO_MANY_REQUESTS, "too-many", "Too many requests or failed attempts"),
    errors.Away: Kind(HTTPStatus.SERVICE_UNAVAILABLE, "away", "A server that this one needs does not answer"),
    house.KafkaError: Kind(HTTPStatus.SERVICE_UNAVAILABLE, "away", "A server that this one needs does not answer"),
    house.DataError: Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-input", "Parts of the request cannot be used"),
    house.VersionMissing: Kind(HTTPStatus.NOT_FOUND, "not-found", "There is no such thing, or not for you"),
    house.VersionRefused: Kind(HTTPStatus.CONFLICT, "version-refused", "The version cannot be used"),
    Exception: Kind(HTTPStatus.INTERNAL_SERVER_ERROR, "failed", "This server made a mistake"),
}
SPOKEN: Final[Mapping[type[Exception], str]] = {
    house.KafkaError: "the stream does not answer; try again in a moment",  # the error names hosts
    house.VersionRefused: "it is half-written, tampered with or not ours",  # the error names folders
    Exception: "it was logged under this request's id",
}
"""What is said instead of an error's own text, where that may hold what is not for strangers."""
HTTP: Final[Mapping[int, tuple[str, str]]] = {
    HTTPStatus.NOT_FOUND: ("not-found", "There is no such thing, or not for you"),
    HTTPStatus.METHOD_NOT_ALLOWED: ("method-not-allowed", "This cannot be done with it"),
}
RETRY_AFTER: Final = "2"


class Fault(BaseModel):
    """One part of a request that cannot be used."""

    where: str = Field(examples=["body.name"])
    why: str = Field(examples=["String should have at least 1 character"])


class Problem(BaseModel):
    """What every answer of 400 and above looks like (RFC 9457)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": f"{TYPE}not-found",
                    "title": "There is no such thing, or not for you",
                    "status": 404,
                    "detail": "no such project",
                    "request_id": "5f2b6c0e9a1d4f33",
                }
            ]
        }
    )

    type: str = Field(description="Stable; tell problems apart by it.")
    title: str = Field(description="The same for each problem of a type.")
    status: int = Field(ge=400, le=599)
    detail: str = Field(description="For a person; may change.")
    request_id: str = Field(description="Under which the log knows the request.")
    faults: list[Fault] | None = Field(None, description="Only of invalid-input: what cannot be used, and why.")


def kind_of(error: Exception) -> tuple[Kind, str]:
    """Return how an error is told, and what is said of it."""
    lineage = [cls for cls in type(error).__mro__ if issubclass(cls, Exception)]
    known = next(cls for cls in lineage if cls in TABLE)
    spoken = next((SPOKEN[cls] for cls in lineage if cls in SPOKEN and issubclass(cls, known)), None)
    return TABLE[known], spoken or str(error)


def answer(request: Request, error: Exception) -> Response:
    """Return the answer to a request that ended with `error`."""
    match error:
        case RequestValidationError():
            return answer(request, errors.InvalidInput(faults_of(error.errors())))
        case HTTPException(status_code=HTTPStatus.BAD_REQUEST):  # a body that FastAPI cannot even parse
            return answer(request, errors.InvalidInput({"body": "it cannot be read"}))
        case HTTPException(status_code=HTTPStatus.REQUEST_ENTITY_TOO_LARGE):
            return answer(request, errors.TooLarge(str(error.detail)))
        case HTTPException():
            name, title = HTTP.get(error.status_code, ("http", HTTPStatus(error.status_code).phrase))
            return _problem(request, error.status_code, name, title, title, headers=dict(error.headers or {}))
        case _:
            kind, detail = kind_of(error)
    headers: dict[str, str] = {}
    faults = None
    match error:
        case errors.Unknown():
            headers["WWW-Authenticate"] = error.challenge
        case errors.TooMany():
            headers["Retry-After"] = str(max(1, round(error.wait)))
        case errors.Away() | house.KafkaError() | errors.InProgress():
            headers["Retry-After"] = RETRY_AFTER
        case errors.InvalidInput():
            detail = "see faults"
            faults = [{"where": where, "why": why} for where, why in list(error.faults.items())[:MOST_FAULTS]]
        case _:
            pass
    return _problem(request, kind.status, kind.name, kind.title, detail, headers=headers, faults=faults)


def faults_of(found: Sequence[Any]) -> dict[str, str]:
    """Return where -> why of what pydantic found; never the value itself."""
    return {".".join(str(part)[:64] for part in each["loc"]): str(each["msg"])[:200] for each in found}


def documented(*kinds: int) -> dict[int | str, dict[str, Any]]:
    """Return OpenAPI's `responses` for these statuses, each with a problem as its body."""
    by_status = {int(kind.status): kind.title for kind in reversed(list(TABLE.values()))}
    titles = by_status | {status: title for status, (_, title) in HTTP.items() if status not in by_status}
    return {
        status: {
            "description": titles[status],
            "content": {MEDIA: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in kinds
    }


def _problem(
    request: Request,
    status: int,
    name: str,
    title: str,
    detail: str,
    *,
    headers: Mapping[str, str],
    faults: list[dict[str, str]] | None = None,
) -> Response:
    body: dict[str, Any] = {
        "type": f"{TYPE}{name}",
        "title": title,
        "status": int(status),
        "detail": detail,
        "request_id": request.scope.get("state", {}).get("request_id", ""),
    }
    if faults is not None:
        body["faults"] = faults
    return Response(wire.encode(body), int(status), headers, MEDIA)
