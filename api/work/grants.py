"""Which topics and models a project may name: what is another's is told like what is not there."""

import asyncio
import hashlib
from typing import Final

from api.cursors import NEWEST, Asked, Paged, page
from api.errors import Conflict, Duplicate
from api.parts import Parts
from api.roles import Principal
from api.store.where import equal
from api.store.work import Grant, GrantKind
from deepsentry.errors import NotFound

MOST: Final = 500
"""Grants of a kind that a project can have."""
AGE: Final = 5.0


async def grant(parts: Parts, principal: Principal, project: str, kind: GrantKind, name: str) -> Grant:
    """Let a project name a topic or a model. Raises Duplicate where it is one's already, Conflict where it has many."""
    if await parts.work.grants.count(equal("project", project), equal("kind", kind), at_most=MOST) >= MOST:
        message = f"a project has at most {MOST} {kind}s"
        raise Conflict(message)
    made = Grant(
        id=id_of(kind, name), kind=kind, name=name, project=project, created_at=parts.now(), created_by=principal.id
    )
    await parts.work.grants.insert(made)
    await parts.cache.drop(_group(project))
    await parts.audit.note(principal, f"{kind}.granted", made.id, project=project, facts={"name": name})
    return made


async def revoke(parts: Parts, principal: Principal, project: str, id_: str) -> None:
    """Take a topic or a model from a project; nothing of it is deleted. Raises NotFound."""
    found = await parts.work.grants.get(equal("id", id_), equal("project", project))
    if found is None or not await parts.work.grants.remove(equal("id", id_), equal("project", project)):
        message = "no such grant"
        raise NotFound(message)
    await parts.cache.drop(_group(project))
    await parts.audit.note(principal, f"{found.kind}.revoked", id_, project=project, facts={"name": found.name})


async def listed(parts: Parts, project: str, asked: Asked) -> Paged[Grant]:
    """Return what a project may name."""
    return await page(parts.work.grants, asked, NEWEST, equal("project", project))


async def names(parts: Parts, project: str, kind: GrantKind) -> tuple[str, ...]:
    """Return the topics or models of a project."""

    async def load() -> list[str]:
        found = await parts.work.grants.find(equal("project", project), equal("kind", kind), limit=MOST)
        return sorted(each.name for each in found)

    return tuple(await parts.cache.through(_group(project), kind, list[str], AGE, load))


async def require(parts: Parts, project: str, kind: GrantKind, name: str) -> None:
    """Raise NotFound unless the project may name it; by the store itself, for what is changed must not lag behind."""
    found = await parts.work.grants.get(equal("id", id_of(kind, name)), equal("project", project))
    if found is None:
        message = f"this project has no such {kind}; an admin of the house gives it one"
        raise NotFound(message)


async def take_model(parts: Parts, principal: Principal, project: str, name: str) -> None:
    """Give a project a model of its own, where the name is free. Raises NotFound where it is not."""
    found = await parts.work.grants.get(equal("id", id_of("model", name)))
    if found is not None and found.project == project:
        return
    message = f"this project has no model {name}, and the name is taken; choose another"
    if found is not None or name in await asyncio.to_thread(parts.registry.names):
        raise NotFound(message)
    try:
        await grant(parts, principal, project, "model", name)
    except Duplicate:
        raise NotFound(message) from None


def id_of(kind: GrantKind, name: str) -> str:
    """Return the id of a grant: the same for the same thing, so that nobody else can have it."""
    return hashlib.sha256(f"{kind}:{name}".encode()).hexdigest()[:32]


def _group(project: str) -> str:
    return f"grants:{project}"
