"""What routes ask for by type: who asks, in which project and as what, which page, which revision was seen.

All are coroutines, also those that wait for nothing: FastAPI runs others in threads, and a loaded machine makes each
change of threads late.
"""

import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Depends, Header, Path, Query, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import Request

from api.auth.signing import Visitor
from api.cursors import LONGEST, Asked
from api.errors import Refused, RevisionMissing
from api.parts import Parts, parts_of_request
from api.roles import Principal, Role, covers
from api.store.amending import Revision
from api.store.projects import Project
from deepsentry.errors import NotFound

ID: Final = r"^[0-9a-f]{32}$"
ETAG: Final = re.compile(r'^(\*|(?:W/)?"([1-9][0-9]{0,8})")$')
"""Proxies that pack an answer make its tag a weak one; it still names the revision."""
PROJECT_AGE: Final = 5.0
NO_PROJECT: Final = "no such project"

HouseParts = Annotated[Parts, Depends(parts_of_request)]
Id = Annotated[str, Path(pattern=ID, examples=["4f1c2b7a9d0e4c5f8a6b3d2e1f0a9b8c"])]
_bearer = HTTPBearer(auto_error=False, bearerFormat="JWT, or a program's key `dsk_...`")


async def current(
    request: Request,
    parts: HouseParts,
    _: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Principal:
    """Return who asks. Raises Unknown."""
    known: Principal | None = getattr(request.state, "principal", None)
    if known is None:
        known = await parts.access.principal(request.headers.get("authorization", ""))
        request.state.principal = known
        parts.metrics.seen(f"{known.kind}:{known.id}")
        parts.limits.request(f"{known.kind}:{known.id}")
    return known


Current = Annotated[Principal, Depends(current)]


async def person(principal: Current) -> Principal:
    """Return who asks, a person and no program. Raises Refused."""
    if principal.kind != "user":
        message = "a program's key cannot do this; sign in"
        raise Refused(message)
    return principal


Person = Annotated[Principal, Depends(person)]


def in_house(role: Role) -> Callable[[Principal], Coroutine[Any, Any, Principal]]:
    """Return a dependency that lets people pass who have `role`, or a higher one, in the house."""

    async def check(principal: Person) -> Principal:
        if not covers(principal.role, role):
            message = f"it takes the role {role} in the house"
            raise Refused(message)
        return principal

    return check


Admin = Annotated[Principal, Depends(in_house("admin"))]


@dataclass(frozen=True, slots=True)
class Scope:
    """The project of a request, who asks, and as what."""

    project: Project
    principal: Principal
    role: Role


def scope(role: Role) -> Callable[..., Coroutine[Any, Any, Scope]]:
    """Return a dependency that lets pass who has `role` or a higher one in the project of the path.

    A stranger to a project is told what he is told of one that does not exist.
    """

    async def check(project: Id, principal: Current, parts: HouseParts) -> Scope:
        own = principal.role_in(project)
        if own is None:
            raise NotFound(NO_PROJECT)
        found = await parts.cache.through(
            f"project:{project}", "self", Project, PROJECT_AGE, lambda: parts.projects.get(project)
        )
        if not covers(own, role):
            message = f"it takes the role {role} in this project; yours is {own}"
            raise Refused(message)
        return Scope(found, principal, own)

    return check


Viewing = Annotated[Scope, Depends(scope("viewer"))]
Operating = Annotated[Scope, Depends(scope("operator"))]
Administering = Annotated[Scope, Depends(scope("admin"))]


async def page(
    parts: HouseParts,
    limit: Annotated[int | None, Query(ge=1, le=1000, description="Items of the page, at most.")] = None,
    cursor: Annotated[
        str | None, Query(max_length=LONGEST, description="`next` of the page before; empty for the first.")
    ] = None,
) -> Asked:
    """Return which page is asked for; a page is never larger than the house allows."""
    api = parts.settings.api
    return Asked(min(limit or api.page, api.max_page), cursor or None)


Page = Annotated[Asked, Depends(page)]


async def revision(
    if_match: Annotated[
        str | None, Header(pattern=ETAG.pattern, description="ETag of what you read, or `*`.", examples=['"3"'])
    ] = None,
) -> Revision:
    """Return the revision that the request saw, None for whichever. Raises RevisionMissing."""
    if if_match is None:
        message = 'send the ETag that you read as If-Match, such as If-Match: "3"'
        raise RevisionMissing(message)
    found = ETAG.fullmatch(if_match)
    return int(found[2]) if found and found[2] else None


Seen = Annotated[Revision, Depends(revision)]


def tag(response: Response, revision: int) -> None:
    """Tell, as ETag, which revision an answer shows."""
    response.headers["ETag"] = f'"{revision}"'


async def visitor(request: Request) -> Visitor:
    """Return where a request came from; uvicorn believes X-Forwarded-For of trusted proxies only."""
    return Visitor(request.client.host if request.client else "", request.headers.get("user-agent", ""))


From = Annotated[Visitor, Depends(visitor)]


async def within_limits(parts: HouseParts, visitor: From) -> None:
    """Count the request for where it came from. Raises TooMany."""
    parts.limits.request(f"address:{visitor.network}")
