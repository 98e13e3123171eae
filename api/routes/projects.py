"""Projects and their members."""

from fastapi import Response

from api.dependencies import Administering, HouseParts, Id, Page, Person, Seen, Viewing, tag
from api.house import projects
from api.routing import router
from api.schemas.common import PageOf
from api.schemas.projects import MemberChange, MemberShown, NewMember, NewProject, ProjectChange, ProjectShown

routes = router("/projects", "projects")


@routes.post("", status_code=201)
async def create_project(new: NewProject, principal: Person, parts: HouseParts, response: Response) -> ProjectShown:
    """Make a project; it takes the role operator in the house."""
    made = await projects.create(parts, principal, new.name, new.title)
    tag(response, made.revision)
    return ProjectShown.model_validate(made)


@routes.get("")
async def list_projects(principal: Person, parts: HouseParts, asked: Page) -> PageOf[ProjectShown]:
    """Return your projects, the newest first."""
    found = await projects.listed(parts, principal, asked)
    return PageOf(items=[ProjectShown.model_validate(each) for each in found.items], next=found.next)


@routes.get("/{project}")
async def show_project(scope: Viewing, response: Response) -> ProjectShown:
    """Return a project."""
    tag(response, scope.project.revision)
    return ProjectShown.model_validate(scope.project)


@routes.patch("/{project}")
async def change_project(
    change: ProjectChange, scope: Administering, parts: HouseParts, seen: Seen, response: Response
) -> ProjectShown:
    """Give a project another title."""
    changed = await projects.rename(parts, scope.principal, scope.project.id, change.title, seen)
    tag(response, changed.revision)
    return ProjectShown.model_validate(changed)


@routes.post("/{project}/members", status_code=201)
async def add_member(new: NewMember, scope: Administering, parts: HouseParts, response: Response) -> MemberShown:
    """Let a person in."""
    member = await projects.add_member(parts, scope.principal, scope.project.id, new.user, new.role)
    tag(response, member.revision)
    return MemberShown.model_validate(member)


@routes.get("/{project}/members")
async def list_members(scope: Viewing, parts: HouseParts, asked: Page) -> PageOf[MemberShown]:
    """Return who belongs to a project."""
    found = await projects.members(parts, scope.project.id, asked)
    return PageOf(items=[MemberShown.model_validate(each) for each in found.items], next=found.next)


@routes.patch("/{project}/members/{user}")
async def change_member(
    change: MemberChange, user: Id, scope: Administering, parts: HouseParts, seen: Seen, response: Response
) -> MemberShown:
    """Give a member another role."""
    member = await projects.change_member(parts, scope.principal, scope.project.id, user, change.role, seen)
    tag(response, member.revision)
    return MemberShown.model_validate(member)


@routes.delete("/{project}/members/{user}", status_code=204)
async def remove_member(user: Id, scope: Administering, parts: HouseParts, seen: Seen) -> None:
    """Let a member go."""
    await projects.remove_member(parts, scope.principal, scope.project.id, user, seen)
