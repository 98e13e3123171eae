"""A person's data: given out, and erased. What the audit log says stays, of somebody whom nobody can name."""

from typing import Any, Final

from api.errors import Conflict
from api.parts import Parts
from api.roles import Principal
from api.store.collection import Change
from api.store.projects import MOST_MEMBERSHIPS
from api.store.where import among, equal
from deepsentry import wire

MOST: Final = 10_000


async def exported(parts: Parts, user: str) -> dict[str, Any]:
    """Return all that is kept of a person; no secret and no digest of one. Raises NotFound."""
    found = await parts.users.get(user)
    kept = await parts.credentials.get(user)
    sessions = await parts.sessions.of(user)
    members = await parts.members.all.find(equal("user", user), limit=MOST_MEMBERSHIPS)
    keys = await parts.keys.all.find(equal("created_by", user), limit=MOST)
    projects = await parts.projects.all.find(equal("created_by", user), limit=MOST)
    said = [entry async for entry in parts.audit.entries(among("actor", (f"user:{user}",)))]
    return {
        "user": _without(found, "email_key", "revision"),
        "second_factor": bool(kept.totp),
        "password_changed_at": kept.password_at,
        "sessions": [_without(session, "number", "revision") for session in sessions],
        "memberships": [_without(member, "revision") for member in members],
        "keys_created": [_without(key, "digest", "revision") for key in keys],
        "projects_created": [_without(project, "revision") for project in projects],
        "audit": [_without(entry, "revision", "address_salt") for entry in said],
    }


async def erase(parts: Parts, principal: Principal, user: str) -> None:
    """Forget who a person was. Raises NotFound, Conflict."""
    before = await parts.users.get(user)
    if before.state == "erased":
        return
    others = await parts.users.all.find(equal("role", "admin"), equal("state", "active"), limit=2)
    if [each.id for each in others] == [user]:
        message = "the house keeps at least one active admin; make somebody else admin first"
        raise Conflict(message)
    # first what lets in, last what names: one that is cut short can be asked for again
    await parts.signing.leave_everywhere(user)
    await parts.credentials.all.remove(equal("id", user))
    await parts.members.all.remove(equal("user", user))
    await parts.invitations.all.remove(equal("email", before.email))
    await parts.audit.note(principal, "user.erased", user)
    await parts.audit.forget_address(f"user:{user}")
    put = {"state": "erased", "email": "", "email_key": None, "name": "", "role": "viewer"}
    await parts.users.change(user, Change(put=put))
    await parts.access.changed(user)


def _without(value: object, *names: str) -> dict[str, Any]:
    plain = wire.builtins(value)
    if not isinstance(plain, dict):
        message = "a stored thing is a table"
        raise TypeError(message)
    return {name: each for name, each in plain.items() if name not in names}
