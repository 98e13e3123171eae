"""What people see and change of themselves."""

from typing import Any

from fastapi import Response

from api.dependencies import From, HouseParts, Person, Seen, tag
from api.house import forgetting, own
from api.routing import router
from api.schemas import sessions as shown
from api.schemas.people import UserShown

routes = router("/me", "me")


@routes.get("")
async def show_me(principal: Person, parts: HouseParts, response: Response) -> UserShown:
    """Return yourself."""
    user = await parts.users.get(principal.id)
    tag(response, user.revision)
    return UserShown.model_validate(user)


@routes.patch("")
async def change_me(
    change: shown.NameChange, principal: Person, parts: HouseParts, seen: Seen, response: Response
) -> UserShown:
    """Change your name."""
    user = await own.rename(parts, principal, change.name, seen)
    tag(response, user.revision)
    return UserShown.model_validate(user)


@routes.post("/password", status_code=204)
async def change_password(given: shown.PasswordChange, principal: Person, parts: HouseParts, visitor: From) -> None:
    """Change your password; your other sessions end."""
    await own.change_password(parts, principal, given.password, given.new_password, visitor)


@routes.post("/totp", status_code=201)
async def set_up_totp(given: shown.Confirmed, principal: Person, parts: HouseParts, visitor: From) -> shown.TotpSetup:
    """Begin to set up a second factor."""
    setup = await own.set_up_codes(parts, principal, given.password, visitor)
    return shown.TotpSetup(secret=setup.secret, uri=setup.uri, svg=setup.svg)


@routes.post("/totp/confirmation", status_code=201)
async def confirm_totp(
    given: shown.CodeOnly, principal: Person, parts: HouseParts, visitor: From
) -> shown.RecoveryCodes:
    """Finish it with a code of the authenticator."""
    return shown.RecoveryCodes(recovery_codes=await own.confirm_codes(parts, principal, given.code, visitor))


@routes.post("/totp/removal", status_code=204)
async def remove_totp(given: shown.Proven, principal: Person, parts: HouseParts, visitor: From) -> None:
    """Remove your second factor."""
    await own.remove_codes(parts, principal, given.password, given.code, visitor)


@routes.post("/recovery-codes", status_code=201)
async def replace_recovery_codes(
    given: shown.Proven, principal: Person, parts: HouseParts, visitor: From
) -> shown.RecoveryCodes:
    """Replace your recovery codes."""
    new = await own.new_recovery_codes(parts, principal, given.password, given.code, visitor)
    return shown.RecoveryCodes(recovery_codes=new)


@routes.get("/export")
async def export_me(principal: Person, parts: HouseParts) -> dict[str, Any]:
    """Return all that is kept of you."""
    return await forgetting.exported(parts, principal.id)


@routes.post("/erasure", status_code=204)
async def erase_me(given: shown.Confirmed, principal: Person, parts: HouseParts, visitor: From) -> None:
    """Have your data erased; this cannot be undone."""
    await own.confirm(parts, principal, given.password, visitor)
    await forgetting.erase(parts, principal, principal.id)
