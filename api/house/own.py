"""What people change of themselves: name, password, second factor. What proves them is asked for anew."""

from api.auth import codes
from api.auth.codes import Setup
from api.auth.passwords import acceptable
from api.auth.signing import WRONG, Visitor
from api.errors import Conflict, InvalidInput, Unknown
from api.parts import Parts
from api.roles import Principal
from api.store.amending import Revision, amend
from api.store.collection import Change
from api.store.credentials import Credentials
from api.store.users import User
from api.store.where import differs, equal


async def rename(parts: Parts, principal: Principal, name: str, revision: Revision) -> User:
    """Change one's name. Raises RevisionPassed."""
    changed = await amend(parts.users.all, Change(put={"name": name}), revision, equal("id", principal.id))
    await parts.audit.note(principal, "user.renamed", principal.id)
    return changed


async def change_password(parts: Parts, principal: Principal, old: str, new: str, visitor: Visitor) -> None:
    """Change one's password; every other session ends. Raises Unknown, TooMany, InvalidInput."""
    await confirm(parts, principal, old, visitor)
    user = await parts.users.get(principal.id)
    acceptable(new, user.email, user.name, where="body.new_password")
    put = {"password": await parts.passwords.hash(new), "password_at": parts.now()}
    await parts.credentials.all.update(Change(put=put), equal("id", principal.id))
    await parts.sessions.all.remove(equal("user", principal.id), differs("id", principal.session))
    await parts.access.changed(principal.id)
    await parts.audit.note(principal, "password.changed", principal.id, address=visitor.address)


async def confirm(parts: Parts, principal: Principal, password: str, visitor: Visitor) -> Credentials:
    """Make sure that it is still the person who asks. Raises Unknown, TooMany."""
    await parts.lockout.begin(f"confirm:{principal.id}", visitor.network)
    kept = await parts.credentials.get(principal.id)
    if not await parts.passwords.verify(password, kept.password):
        raise Unknown(WRONG)
    await parts.lockout.succeeded(f"confirm:{principal.id}", visitor.network)
    return kept


async def set_up_codes(parts: Parts, principal: Principal, password: str, visitor: Visitor) -> Setup:
    """Begin to set up a second factor; it counts once a code confirms it. Raises Unknown, TooMany, Conflict."""
    kept = await confirm(parts, principal, password, visitor)
    if kept.totp:
        message = "there is a second factor already; remove it first"
        raise Conflict(message)
    secret = codes.new_secret()
    sealed = parts.seal.close(secret.encode(), codes.SEAL_ABOUT + principal.id)
    await parts.credentials.all.update(Change(put={"totp_pending": sealed}), equal("id", principal.id))
    user = await parts.users.get(principal.id)
    return codes.setup(secret, user.email)


async def confirm_codes(parts: Parts, principal: Principal, code: str, visitor: Visitor) -> list[str]:
    """Finish it, and return the recovery codes, which are shown this once. Raises Conflict, InvalidInput, TooMany."""
    await parts.lockout.begin(f"confirm:{principal.id}", visitor.network)
    kept = await parts.credentials.get(principal.id)
    secret = parts.seal.open(kept.totp_pending, codes.SEAL_ABOUT + principal.id) if kept.totp_pending else None
    if secret is None:
        message = "there is none to be confirmed; begin to set one up first"
        raise Conflict(message)
    step = codes.step_of(secret.decode(), code, parts.now())
    if step is None:
        raise InvalidInput({"body.code": "it is not the code of now; is the clock of the device right?"})
    shown, digests = codes.recovery_codes()
    put = {"totp": kept.totp_pending, "totp_pending": b"", "totp_step": step, "recovery": list(digests)}
    own = (equal("id", principal.id), equal("revision", kept.revision))
    if await parts.credentials.all.update(Change(put=put), *own) is None:
        message = "it was changed meanwhile; begin again"
        raise Conflict(message)
    await parts.lockout.succeeded(f"confirm:{principal.id}", visitor.network)
    await parts.audit.note(principal, "second_factor.added", principal.id, address=visitor.address)
    return shown


async def remove_codes(parts: Parts, principal: Principal, password: str, code: str, visitor: Visitor) -> None:
    """Remove one's second factor. Raises Unknown, TooMany."""
    await _prove(parts, principal, password, code, visitor)
    await drop_codes(parts, principal.id)
    await parts.audit.note(principal, "second_factor.removed", principal.id, address=visitor.address)


async def new_recovery_codes(
    parts: Parts, principal: Principal, password: str, code: str, visitor: Visitor
) -> list[str]:
    """Replace the recovery codes. Raises Unknown, TooMany."""
    await _prove(parts, principal, password, code, visitor)
    shown, digests = codes.recovery_codes()
    await parts.credentials.all.update(Change(put={"recovery": list(digests)}), equal("id", principal.id))
    await parts.audit.note(principal, "recovery_codes.replaced", principal.id, address=visitor.address)
    return shown


async def drop_codes(parts: Parts, user: str) -> None:
    """Remove a person's second factor."""
    put = {"totp": b"", "totp_pending": b"", "recovery": []}
    await parts.credentials.all.update(Change(put=put), equal("id", user))


async def _prove(parts: Parts, principal: Principal, password: str, code: str, visitor: Visitor) -> None:
    kept = await confirm(parts, principal, password, visitor)
    await parts.lockout.begin(f"code:{principal.id}", visitor.network)
    if not kept.totp or not await parts.signing.takes(kept, code):
        raise Unknown(WRONG)
    await parts.lockout.succeeded(f"code:{principal.id}", visitor.network)
