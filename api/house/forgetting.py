"""A person's data: given out, and erased. What the audit log says stays, of somebody whom nobody can name."""

from collections.abc import Sequence
from typing import Any

from api.audit import Entry
from api.auth.signing import Visitor
from api.errors import Conflict
from api.house import words
from api.parts import Parts
from api.roles import Principal
from api.store.collection import Change, everything
from api.store.users import User, email_key
from api.store.where import any_of, equal
from deepsentry import wire


async def exported(parts: Parts, user: str) -> dict[str, Any]:
    """Return all that is kept of a person; no secret and no digest of one. Raises NotFound."""
    found = await parts.users.get(user)
    kept = await parts.credentials.get(user)
    work, mine = parts.work, equal("created_by", user)
    said = [entry async for entry in parts.audit.entries(equal("actor", f"user:{user}"))]
    attempts = await parts.lockout.of(_accounts(found), _networks(said))
    invited = [each for each in await everything(parts.invitations.all) if email_key(each.email) == found.email_key]
    silences = await everything(work.silences, any_of((equal("owner", user),), (equal("ended_by", user),)))
    return {
        "user": _without(found, "email_key"),
        "second_factor": bool(kept.totp),
        "password_changed_at": kept.password_at,
        "sessions": _all(await parts.sessions.of(user), "number"),
        "attempts": _all(attempts, "id"),
        "invitations": _all(invited, "digest"),
        # whom they were sent to is the data of others
        "invitations_sent": _all(await everything(parts.invitations.all, mine), "digest", "email", "user"),
        "memberships": _all(await everything(parts.members.all, equal("user", user))),
        "keys_created": _all(await everything(parts.keys.all, mine), "digest"),
        "projects_created": _all(await everything(parts.projects.all, mine)),
        "grants_made": _all(await everything(work.grants, mine)),
        "datasets_created": _all(await everything(work.datasets, mine)),
        "jobs": _all(await everything(work.jobs, equal("owner", user)), "words"),
        "silences": _all(silences),
        "verdicts": _all(await everything(parts.found.verdicts, equal("by", user))),
        "audit": _all(said, "address_salt"),
    }


async def erase(parts: Parts, principal: Principal, user: str) -> None:
    """Forget who a person was; ids stay, of somebody whom nobody can name. Raises NotFound, Conflict, Away."""
    before = await parts.users.get(user)
    if before.state == "erased":
        return
    others = await parts.users.all.find(equal("role", "admin"), equal("state", "active"), limit=2)
    if [each.id for each in others] == [user]:
        message = "the house keeps at least one active admin; make somebody else admin first"
        raise Conflict(message)
    # while the person can still ask again: for this the broker is needed, too
    await words.take_back(parts, user)
    # first what lets in, last what names: one that is cut short can be asked for again
    await parts.signing.leave_everywhere(user)
    await parts.credentials.all.remove(equal("id", user))
    await parts.members.all.remove(equal("user", user))
    for each in await everything(parts.invitations.all):
        if each.user == user or email_key(each.email) == before.email_key:
            await parts.invitations.all.remove(equal("id", each.id))
    await parts.audit.note(principal, "user.erased", user)
    said = [entry async for entry in parts.audit.entries(equal("actor", f"user:{user}"))]
    await parts.lockout.forget(_accounts(before), _networks(said))
    await parts.audit.forget_address(f"user:{user}")
    put = {"state": "erased", "email": "", "email_key": None, "name": "", "role": "viewer"}
    await parts.users.change(user, Change(put=put))
    await parts.access.changed(user)


def _accounts(user: User) -> list[str]:
    """Return under which names attempts to be that person were counted."""
    return [user.email_key or "", *(f"{what}:{user.id}" for what in ("code", "confirm"))]


def _networks(said: list[Entry]) -> list[str]:
    return sorted({Visitor(entry.address).network for entry in said if entry.address})


def _all(values: Sequence[object], *but: str) -> list[dict[str, Any]]:
    return [_without(value, *but) for value in values]


def _without(value: object, *names: str) -> dict[str, Any]:
    plain = wire.builtins(value)
    if not isinstance(plain, dict):
        message = "a stored thing is a table"
        raise TypeError(message)
    return {name: each for name, each in plain.items() if name not in {"revision", *names}}
