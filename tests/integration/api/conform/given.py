"""What makes a generated case reach the thing it is about: ids of things that are there, passwords that are right.

Generated ids exist nowhere and generated passwords are wrong: every answer would be a refusal. What a case changes or
ends is made for it alone; what it only reads stands there for all.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final

import pyotp

from api.auth.signing import CodeWanted, SignedIn, Visitor
from api.house import own, people
from api.roles import Principal
from api.work import grants, silences
from api.work.silences import Wanted
from tests.integration.api.conform.callers import Caller
from tests.integration.api.house import PASSWORD, Someone

ITSELF: Final = {
    "sign_out_everywhere",
    "sign_out",
    "end_session",
    "change_password",
    "set_up_totp",
    "confirm_totp",
    "remove_totp",
    "replace_recovery_codes",
    "erase_me",
    "change_me",
}
"""After these somebody is not who it was: each case is asked by a person of its own, with the caller's roles."""
LATER: Final = 30
"""Seconds until the next code: each is good once."""
HERE: Final = Visitor("127.0.0.1")
Known = tuple[dict[str, str], dict[str, str], dict[str, Any]]
"""Headers, parts of the path, fields of the body."""


async def known(caller: Caller, name: str) -> Known:
    """Return what a case of operation `name` should hold so that it is about something that is there."""
    headers = dict(caller.headers)
    parts: dict[str, str] = {"project": caller.project.id, **caller.standing}
    body: dict[str, Any] = {}
    if name in ITSELF and caller.kind == "user":
        person = await _person(caller)
        headers = person.headers
        body = await _proof(caller, name, person)
        parts["session"] = body.pop("session", "")
    for field, make in MADE.get(name, {}).items():
        target = parts if field in PARTS else body
        made = await make(caller)
        target |= made if isinstance(made, dict) else {field: made}
    return headers, parts, body


async def _person(caller: Caller) -> Someone:
    return await caller.house.person(caller.role, **{caller.project.id: caller.own})


async def _proof(caller: Caller, name: str, person: Someone) -> dict[str, Any]:
    """Return what proves a person, or gets it on: password, code, session."""
    house = caller.house
    body: dict[str, Any] = {"password": PASSWORD}
    if name == "change_password":
        body["new_password"] = "another horse battery staple"
    if name == "end_session":
        [session] = await house.parts.sessions.of(person.id)
        body["session"] = session.id
    if name == "confirm_totp":
        device = await _device(caller, person)
        body = {"code": device.at(house.now())}
    if name in {"remove_totp", "replace_recovery_codes"}:
        body["code"] = await _with_code(caller, person)
    return body


async def _device(caller: Caller, person: Someone) -> pyotp.TOTP:
    principal = _principal(person)
    setup = await own.set_up_codes(caller.house.parts, principal, PASSWORD, HERE)
    return pyotp.TOTP(setup.secret)


async def _with_code(caller: Caller, person: Someone) -> str:
    """Let a person have a second factor, and return a code that is good."""
    device = await _device(caller, person)
    now = caller.house.now()
    await own.confirm_codes(caller.house.parts, _principal(person), device.at(now), HERE)
    return device.at(now + timedelta(seconds=LATER))


def _principal(person: Someone) -> Principal:
    return Principal(kind="user", id=person.id, role="viewer", projects={})


async def _email(caller: Caller, *, code: bool = False) -> tuple[str, str]:
    person = await _person(caller)
    return f"{person.id}@example.org", await _with_code(caller, person) if code else ""


async def _sign_in(caller: Caller) -> dict[str, Any]:
    email, _ = await _email(caller)
    return {"email": email, "password": PASSWORD}


async def _code(caller: Caller) -> dict[str, Any]:
    email, code = await _email(caller, code=True)
    wanted = await caller.house.parts.signing.password(email, PASSWORD, HERE)
    assert isinstance(wanted, CodeWanted)
    return {"token": wanted.token, "code": code}


async def _refresh(caller: Caller) -> dict[str, Any]:
    email, _ = await _email(caller)
    signed = await caller.house.parts.signing.password(email, PASSWORD, HERE)
    assert isinstance(signed, SignedIn)
    return {"refresh_token": signed.refresh}


async def _invitation(caller: Caller) -> dict[str, Any]:
    _, token = await people.invite(caller.house.parts, "house", f"{caller.next()}@example.org", "viewer")
    return {"token": token, "password": PASSWORD}


async def _somebody(caller: Caller) -> str:
    return (await caller.house.person()).id


async def _member(caller: Caller) -> str:
    return (await caller.house.person(**{caller.project.id: "viewer"})).id


async def _key(caller: Caller) -> str:
    return (await caller.house.key(caller.project)).id


async def _grant(caller: Caller) -> str:
    made = await grants.grant(
        caller.house.parts, _principal(caller.me), caller.project.id, "topic", f"{caller.next()}.v1"
    )
    return made.id


async def _silence(caller: Caller) -> str:
    parts = caller.house.parts
    until = caller.house.now() + timedelta(hours=1)
    made = await silences.create(parts, _principal(caller.me), caller.project.id, Wanted("a test", until, "f", "", ()))
    return made.id


async def _until(caller: Caller) -> dict[str, Any]:
    return {"until": (caller.house.now() + timedelta(hours=1)).isoformat(), "fingerprint": "f", "match": []}


async def _training(caller: Caller) -> dict[str, Any]:
    return {"dataset": caller.standing["dataset"], "model": caller.standing["model"]}


async def _fresh_dataset(caller: Caller) -> dict[str, Any]:
    return {"topic": caller.topic, "name": caller.next(), "key": ""}


async def _replay(caller: Caller) -> dict[str, Any]:
    return {"topic": caller.topic}


async def _version(_: Caller) -> dict[str, Any]:
    return {"version": 2, "instead_of": None}


async def _alert(caller: Caller) -> dict[str, Any]:
    return {"alert": caller.standing["alert"]}


async def _name(caller: Caller) -> str:
    return caller.next()


async def _address(caller: Caller) -> str:
    return f"{caller.next()}@example.org"


async def _new_member(caller: Caller) -> dict[str, Any]:
    return {"user": await _somebody(caller)}


PARTS: Final = {"user", "key", "grant", "dataset", "job", "silence", "anomaly", "project", "session", "token"}
Makes = Callable[[Caller], Awaitable[str | dict[str, Any]]]
MADE: Final[dict[str, dict[str, Makes]]] = {
    "show_user": {"user": _somebody},
    "change_user": {"user": _somebody},
    "erase_user": {"user": _somebody},
    "reset_password": {"user": _somebody},
    "export_user": {"user": _somebody},
    "remove_totp_of": {"user": _somebody},
    "change_member": {"user": _member},
    "remove_member": {"user": _member},
    "remove_key": {"key": _key},
    "revoke": {"grant": _grant},
    "change_dataset": {"dataset": Caller.dataset},
    "remove_dataset": {"dataset": Caller.dataset},
    "stop_job": {"job": Caller.job},
    "withdraw": {"anomaly": Caller.judged},
    "show_silence": {"silence": _silence},
    "end_silence": {"silence": _silence},
    "sign_in": {"body": _sign_in},
    "give_code": {"body": _code},
    "refresh": {"body": _refresh},
    "accept_invitation": {"body": _invitation},
    "invite": {"email": _address},
    "create_project": {"name": _name},
    "add_member": {"body": _new_member},
    "grant": {"name": _name},
    "create_dataset": {"body": _fresh_dataset},
    "create_training": {"body": _training},
    "create_silence": {"body": _until},
    "replay_rejected": {"body": _replay},
    "promote": {"body": _version},
    "challenge": {"body": _version},
    "judge": {"anomaly": Caller.judged, "body": _alert},
    "look": {"token": Caller.link},
    "say": {"token": Caller.link},
}
