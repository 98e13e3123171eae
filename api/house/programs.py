"""Keys for programs: made for a project, shown once, taken back."""

from datetime import timedelta

from api.auth import machines
from api.cursors import NEWEST, Asked, Paged, page
from api.dependencies import Scope
from api.errors import Refused
from api.parts import Parts
from api.roles import Role, covers
from api.store.keys import ApiKey
from api.store.where import equal
from deepsentry.errors import NotFound


async def create(parts: Parts, scope: Scope, name: str, role: Role, days: int) -> tuple[ApiKey, str]:
    """Make a key, and return the text that is shown this once. Raises Refused."""
    if scope.principal.kind != "user" or not covers(scope.role, role):
        message = "a key is made by a person, and may no more than the person"
        raise Refused(message)
    now, id_ = parts.now(), parts.new_id()
    text, digest = machines.make(id_)
    key = ApiKey(
        id=id_,
        project=scope.project.id,
        name=name,
        role=role,
        digest=digest,
        created_at=now,
        created_by=scope.principal.id,
        expires_at=now + timedelta(days=days),
    )
    await parts.keys.all.insert(key)
    facts = {"role": role, "days": days}
    await parts.audit.note(scope.principal, "key.created", id_, project=scope.project.id, facts=facts)
    return key, text


async def listed(parts: Parts, project: str, asked: Asked) -> Paged[ApiKey]:
    """Return a project's keys, the newest first."""
    return await page(parts.keys.all, asked, NEWEST, equal("project", project))


async def remove(parts: Parts, scope: Scope, key: str) -> None:
    """Take a key back. Raises NotFound."""
    if not await parts.keys.all.remove(equal("id", key), equal("project", scope.project.id)):
        message = "no such key"
        raise NotFound(message)
    await parts.access.key_changed(key)
    await parts.audit.note(scope.principal, "key.removed", key, project=scope.project.id)
