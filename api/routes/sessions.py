"""Signing in, on and out."""

from api.auth.limits import SIGN_INS
from api.auth.signing import CodeWanted, SignedIn
from api.dependencies import From, HouseParts, Id, Person
from api.routing import router
from api.schemas import sessions as shown
from deepsentry.errors import NotFound

routes = router("/sessions", "sessions")


@routes.post("", status_code=201)
async def sign_in(given: shown.SignIn, parts: HouseParts, visitor: From) -> shown.SignInAnswer:
    """Sign in with address and password; where there is a second factor, a code is wanted next."""
    await parts.limits.hit(SIGN_INS, visitor.network)
    return _answered(await parts.signing.password(given.email, given.password, visitor))


@routes.post("/code", status_code=201)
async def give_code(given: shown.CodeGiven, parts: HouseParts, visitor: From) -> shown.Tokens:
    """Finish signing in with a code, or with a recovery code."""
    await parts.limits.hit(SIGN_INS, visitor.network)
    return _tokens(await parts.signing.code(given.token, given.code, visitor))


@routes.post("/refresh", status_code=201)
async def refresh(given: shown.Refresh, parts: HouseParts) -> shown.Tokens:
    """Return new tokens; the refresh token that you send is used up, and sent twice it ends the session."""
    return _tokens(await parts.signing.refresh(given.refresh_token))


@routes.get("")
async def list_sessions(principal: Person, parts: HouseParts) -> shown.Sessions:
    """Return your sessions."""
    found = await parts.sessions.of(principal.id)
    return shown.Sessions(
        items=[
            shown.SessionShown(
                id=each.id,
                created_at=each.created_at,
                refreshed_at=each.refreshed_at,
                ends_at=each.ends_at,
                address=each.address,
                agent=each.agent,
                current=each.id == principal.session,
            )
            for each in found
        ]
    )


@routes.delete("", status_code=204)
async def sign_out_everywhere(principal: Person, parts: HouseParts) -> None:
    """End all your sessions, this one too."""
    ended = await parts.signing.leave_everywhere(principal.id)
    await parts.audit.note(principal, "session.ended_everywhere", principal.id, facts={"sessions": ended})


@routes.delete("/current", status_code=204)
async def sign_out(principal: Person, parts: HouseParts) -> None:
    """End this session."""
    await parts.signing.leave(principal.id, principal.session)
    await parts.audit.note(principal, "session.ended", principal.session)


@routes.delete("/{session}", status_code=204)
async def end_session(session: Id, principal: Person, parts: HouseParts) -> None:
    """End another session of yours."""
    if not await parts.signing.leave(principal.id, session):
        message = "no such session"
        raise NotFound(message)
    await parts.audit.note(principal, "session.ended", session)


def _answered(outcome: SignedIn | CodeWanted) -> shown.Tokens | shown.CodeWantedShown:
    match outcome:
        case SignedIn():
            return _tokens(outcome)
        case CodeWanted():
            return shown.CodeWantedShown(code_token=outcome.token, expires_in=outcome.seconds)


def _tokens(signed: SignedIn) -> shown.Tokens:
    return shown.Tokens(
        access_token=signed.access,
        refresh_token=signed.refresh,
        expires_in=signed.seconds,
        user=signed.user,
        session=signed.session,
    )
