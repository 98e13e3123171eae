"""People: invited, let in, changed by admins, forgotten on request."""

from datetime import timedelta

from api.auth.passwords import acceptable
from api.cursors import NEWEST, Asked, Paged, page
from api.errors import Conflict, InvalidInput
from api.house.own import drop_codes
from api.parts import Parts
from api.roles import Principal, Role
from api.store.amending import Revision, amend
from api.store.collection import Change
from api.store.credentials import Credentials
from api.store.invitations import Invitation, digest, new_token
from api.store.users import State, User, email_key
from api.store.where import equal

TAKEN = "somebody has this address already"
NOT_OPEN = "it is none of ours, was used, or has expired"


async def invite(parts: Parts, principal: Principal | str, email: str, role: Role) -> tuple[Invitation, str]:
    """Invite somebody, and return the token for the link, which is shown this once. Raises Conflict."""
    if await parts.users.by_email(email):
        raise Conflict(TAKEN)
    return await _invited(parts, principal, email, role, "")


async def reset(parts: Parts, principal: Principal | str, user: str) -> tuple[Invitation, str]:
    """Let a person choose a new password, by the token that is returned this once. Raises NotFound, Conflict."""
    found = await parts.users.get(user)
    if found.state != "active":
        message = "this user cannot sign in anyway"
        raise Conflict(message)
    return await _invited(parts, principal, found.email, found.role, user)


async def accept(parts: Parts, token: str, name: str, password: str, address: str) -> User:
    """Let somebody in who was invited, or take a new password. Raises InvalidInput, Duplicate."""
    invitation = await parts.invitations.open(token, parts.now())
    if invitation is None:
        raise InvalidInput({"body.token": NOT_OPEN})
    acceptable(password, invitation.email, name)
    hashed = await parts.passwords.hash(password)
    if not await parts.invitations.take(invitation):
        raise InvalidInput({"body.token": NOT_OPEN})
    if not invitation.user:
        user = await add(parts, invitation.email, name, invitation.role, hashed)
        await parts.audit.note(f"user:{user.id}", "invitation.accepted", invitation.id, address=address)
        return user
    user = await parts.users.get(invitation.user)
    put = {"password": hashed, "password_at": parts.now()}
    await parts.credentials.all.update(Change(put=put), equal("id", user.id))
    await parts.signing.leave_everywhere(user.id)
    await parts.audit.note(f"user:{user.id}", "password.reset", user.id, address=address)
    return user


async def add(parts: Parts, email: str, name: str, role: Role, password: bytes) -> User:
    """Make a user with a password that was hashed. Raises Duplicate."""
    now = parts.now()
    user = User(
        id=parts.new_id(),
        email=email.strip(),
        email_key=email_key(email),
        name=name,
        role=role,
        state="active",
        created_at=now,
    )
    # credentials first: a user without them could never sign in, credentials without a user are nobody's
    await parts.credentials.all.insert(Credentials(id=user.id, password=password, password_at=now))
    await parts.users.all.insert(user)
    return user


async def listed(parts: Parts, asked: Asked) -> Paged[User]:
    """Return everybody, the newest first."""
    return await page(parts.users.all, asked, NEWEST)


async def change(
    parts: Parts, principal: Principal, user: str, revision: Revision, role: Role | None, state: State | None
) -> User:
    """Give somebody another role, or shut somebody out. Raises NotFound, RevisionPassed, Conflict."""
    before = await parts.users.get(user)
    if before.state == "erased":
        message = "this user was erased"
        raise Conflict(message)
    put = {name: value for name, value in (("role", role), ("state", state)) if value is not None}
    changed = await amend(parts.users.all, Change(put=put), revision, equal("id", user))
    if await _no_admin_left(parts):
        await parts.users.change(user, Change(put={"role": before.role, "state": before.state}))
        message = "the house keeps at least one active admin"
        raise Conflict(message)
    if changed.state != "active":
        await parts.sessions.end_all(user)
    await parts.access.changed(user)
    await parts.audit.note(principal, "user.changed", user, facts=put)
    return changed


async def remove_second_factor(parts: Parts, principal: Principal, user: str) -> None:
    """Remove the second factor of somebody who lost it, with the recovery codes. Raises NotFound."""
    await parts.users.get(user)
    await drop_codes(parts, user)
    await parts.audit.note(principal, "second_factor.removed", user)


def link(parts: Parts, token: str) -> str:
    """Return the link by which somebody comes in; the token stands where no server logs it."""
    return f"{parts.settings.api.public_url.rstrip('/')}/console#invitation={token}"


async def _invited(
    parts: Parts, principal: Principal | str, email: str, role: Role, user: str
) -> tuple[Invitation, str]:
    token, now = new_token(), parts.now()
    invitation = Invitation(
        id=parts.new_id(),
        email=email.strip(),
        role=role,
        digest=digest(token),
        created_at=now,
        created_by=principal if isinstance(principal, str) else principal.id,
        expires_at=now + timedelta(days=parts.settings.api.invitation_days),
        user=user,
    )
    await parts.invitations.all.insert(invitation)
    action = "password.reset_offered" if user else "user.invited"
    await parts.audit.note(principal, action, user or invitation.id, facts={"role": role})
    return invitation, token


async def _no_admin_left(parts: Parts) -> bool:
    return not await parts.users.all.count(equal("role", "admin"), equal("state", "active"), at_most=1)
