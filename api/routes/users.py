"""People, for admins of the house; and how somebody who was invited comes in."""

from typing import Any

from fastapi import Response

from api.auth.limits import SIGN_INS
from api.dependencies import Admin, From, HouseParts, Id, Page, Seen, tag
from api.house import forgetting, people
from api.parts import Parts
from api.routing import router
from api.schemas.common import PageOf
from api.schemas.people import Acceptance, InvitationShown, NewInvitation, UserChange, UserShown
from api.store.invitations import Invitation

routes = router("/users", "users")
invited = router("/invitations", "users")


@routes.get("")
async def list_users(_: Admin, parts: HouseParts, asked: Page) -> PageOf[UserShown]:
    """Return everybody, the newest first."""
    found = await people.listed(parts, asked)
    return PageOf(items=[UserShown.model_validate(each) for each in found.items], next=found.next)


@routes.get("/{user}")
async def show_user(user: Id, _: Admin, parts: HouseParts, response: Response) -> UserShown:
    """Return a person."""
    found = await parts.users.get(user)
    tag(response, found.revision)
    return UserShown.model_validate(found)


@routes.patch("/{user}")
async def change_user(
    user: Id, change: UserChange, principal: Admin, parts: HouseParts, seen: Seen, response: Response
) -> UserShown:
    """Give somebody another role, or shut somebody out: `disabled` ends all sessions at once."""
    changed = await people.change(parts, principal, user, seen, change.role, change.state)
    tag(response, changed.revision)
    return UserShown.model_validate(changed)


@routes.post("/{user}/reset", status_code=201)
async def reset_password(user: Id, principal: Admin, parts: HouseParts) -> InvitationShown:
    """Let a person choose a new password, who forgot it."""
    return _shown(parts, *await people.reset(parts, principal, user))


@routes.delete("/{user}/totp", status_code=204)
async def remove_totp_of(user: Id, principal: Admin, parts: HouseParts) -> None:
    """Remove the second factor of a person who lost the device and the recovery codes."""
    await people.remove_second_factor(parts, principal, user)


@routes.get("/{user}/export")
async def export_user(user: Id, _: Admin, parts: HouseParts) -> dict[str, Any]:
    """Return all that is kept of a person."""
    return await forgetting.exported(parts, user)


@routes.delete("/{user}", status_code=204)
async def erase_user(user: Id, principal: Admin, parts: HouseParts) -> None:
    """Erase a person's data; this cannot be undone. The audit log keeps what was done, by nobody that has a name."""
    await forgetting.erase(parts, principal, user)


@invited.post("", status_code=201)
async def invite(new: NewInvitation, principal: Admin, parts: HouseParts) -> InvitationShown:
    """Invite somebody."""
    return _shown(parts, *await people.invite(parts, principal, new.email, new.role))


@invited.post("/acceptance", status_code=201)
async def accept_invitation(given: Acceptance, parts: HouseParts, visitor: From) -> UserShown:
    """Come in with an invitation, or choose a new password with one; then sign in."""
    await parts.limits.hit(SIGN_INS, visitor.network)
    user = await people.accept(parts, given.token, given.name, given.password, visitor.address)
    return UserShown.model_validate(user)


def _shown(parts: Parts, invitation: Invitation, token: str) -> InvitationShown:
    return InvitationShown(
        id=invitation.id,
        email=invitation.email,
        role=invitation.role,
        expires_at=invitation.expires_at,
        token=token,
        link=people.link(parts, token),
    )
