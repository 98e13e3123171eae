"""Projects: made and renamed; members come and go."""

from api.cursors import NEWEST, Asked, Paged, Sort, page
from api.errors import Conflict, Refused
from api.parts import Parts
from api.roles import Principal, Role, covers
from api.store.amending import Revision, amend, discard
from api.store.collection import Change
from api.store.projects import Member, Project
from api.store.where import among, equal
from deepsentry.errors import NotFound

BY_USER = Sort("user", 1, str)


async def create(parts: Parts, principal: Principal, name: str, title: str) -> Project:
    """Make a project; who makes it becomes its admin. Raises Refused, Duplicate."""
    if not covers(principal.role, "operator"):
        message = "it takes the role operator in the house"
        raise Refused(message)
    now = parts.now()
    project = Project(id=parts.new_id(), name=name, title=title, created_at=now, created_by=principal.id)
    member = Member(id=parts.new_id(), project=project.id, user=principal.id, role="admin", added_at=now)
    # the membership first: one of no project is nothing, a project of nobody would keep its name for ever
    await parts.members.all.insert(member)
    await parts.projects.all.insert(project)
    await parts.access.changed(principal.id)
    await parts.audit.note(principal, "project.created", project.id, project=project.id)
    return project


async def listed(parts: Parts, principal: Principal, asked: Asked) -> Paged[Project]:
    """Return the projects that somebody belongs to; all, for admins of the house."""
    own = () if principal.role == "admin" else (among("id", tuple(principal.projects)),)
    return await page(parts.projects.all, asked, NEWEST, *own)


async def rename(parts: Parts, principal: Principal, project: str, title: str, revision: Revision) -> Project:
    """Give a project another title. Raises NotFound, RevisionPassed."""
    changed = await amend(parts.projects.all, Change(put={"title": title}), revision, equal("id", project))
    await parts.cache.drop(f"project:{project}")
    await parts.audit.note(principal, "project.renamed", project, project=project)
    return changed


async def add_member(parts: Parts, principal: Principal, project: str, user: str, role: Role) -> Member:
    """Let a person in. Raises NotFound, Duplicate."""
    if (await parts.users.get(user)).state != "active":
        message = "no such user"
        raise NotFound(message)
    member = Member(id=parts.new_id(), project=project, user=user, role=role, added_at=parts.now())
    await parts.members.all.insert(member)
    await _told(parts, principal, "member.added", member, role)
    return member


async def members(parts: Parts, project: str, asked: Asked) -> Paged[Member]:
    """Return who belongs to a project."""
    return await page(parts.members.all, asked, BY_USER, equal("project", project))


async def change_member(
    parts: Parts, principal: Principal, project: str, user: str, role: Role, revision: Revision
) -> Member:
    """Give a member another role. Raises NotFound, RevisionPassed, Conflict."""
    if role != "admin":
        await _keep_an_admin(parts, project, user)
    which = (equal("project", project), equal("user", user))
    member = await amend(parts.members.all, Change(put={"role": role}), revision, *which)
    await _told(parts, principal, "member.changed", member, role)
    return member


async def remove_member(parts: Parts, principal: Principal, project: str, user: str, revision: Revision) -> None:
    """Let a member go. Raises NotFound, RevisionPassed, Conflict."""
    await _keep_an_admin(parts, project, user)
    await discard(parts.members.all, revision, equal("project", project), equal("user", user))
    await parts.access.changed(user)
    await parts.audit.note(principal, "member.removed", user, project=project)


async def _keep_an_admin(parts: Parts, project: str, user: str) -> None:
    admins = await parts.members.all.find(equal("project", project), equal("role", "admin"), limit=2)
    if [admin.user for admin in admins] == [user]:
        message = "a project keeps at least one admin; make another member admin first"
        raise Conflict(message)


async def _told(parts: Parts, principal: Principal, action: str, member: Member, role: Role) -> None:
    await parts.access.changed(member.user)
    await parts.audit.note(principal, action, member.user, project=member.project, facts={"role": role})
