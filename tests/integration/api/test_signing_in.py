"""From an invitation to a session, with and without a second factor; how a session goes on and ends."""

from datetime import timedelta
from xml.etree import ElementTree as ET

import bcrypt
import pytest

from tests.integration.api.house import House
from tests.integration.api.people import PASSWORD, bearer, invited, sign_in, try_to_sign_in, with_codes


async def test_who_was_invited_signs_in_and_sees_itself(house: House) -> None:
    bob = await invited(house, "Bob@Example.org", "operator")
    me = (await house.client.get("/me", headers=bob.headers)).json()
    assert (me["email"], me["role"], me["state"]) == ("Bob@Example.org", "operator", "active")


async def test_an_invitation_is_good_once_and_for_a_time(house: House) -> None:
    admin = await house.person("admin")
    new = (await house.client.post("/invitations", json={"email": "c@example.org"}, headers=admin.headers)).json()
    given = {"token": new["token"], "name": "Cid", "password": PASSWORD}
    house.ahead += timedelta(days=8)
    assert (await house.client.post("/invitations/acceptance", json=given)).status_code == 422
    house.ahead = timedelta()
    assert (await house.client.post("/invitations/acceptance", json=given)).status_code == 201
    assert (await house.client.post("/invitations/acceptance", json=given)).status_code == 422


async def test_a_second_factor_is_asked_for_and_its_picture_is_svg(house: House) -> None:
    bob = await invited(house)
    setup = (await house.client.post("/me/totp", json={"password": PASSWORD}, headers=bob.headers)).json()
    assert ET.fromstring(setup["svg"]).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314 - we made it
    assert setup["uri"].startswith("otpauth://totp/DeepSentry:bob%40example.org?secret=")
    device, _ = await with_codes(house, bob)
    first = await sign_in(house)
    assert first["status"] == "code_wanted"
    given = {"token": first["code_token"], "code": device.at(house.now())}
    signed = await house.client.post("/sessions/code", json=given)
    assert signed.status_code == 201
    assert (await house.client.get("/me", headers=bearer(signed.json()["access_token"]))).status_code == 200


async def test_a_second_factor_that_was_not_confirmed_does_not_count(house: House) -> None:
    bob = await invited(house)
    await house.client.post("/me/totp", json={"password": PASSWORD}, headers=bob.headers)
    assert (await sign_in(house))["status"] == "signed_in"


async def test_a_recovery_code_is_good_once_however_it_is_typed(house: House) -> None:
    bob = await invited(house)
    _, recovery = await with_codes(house, bob)
    for code, status in ((recovery[0].upper().replace("-", " "), 201), (recovery[0], 401), (recovery[1], 201)):
        first = await sign_in(house)
        answer = await house.client.post("/sessions/code", json={"token": first["code_token"], "code": code})
        assert answer.status_code == status


async def test_refreshing_gives_new_tokens_and_both_work(house: House) -> None:
    await invited(house)
    first = await sign_in(house)
    second = (await house.client.post("/sessions/refresh", json={"refresh_token": first["refresh_token"]})).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert (await house.client.get("/me", headers=bearer(second["access_token"]))).status_code == 200
    third = await house.client.post("/sessions/refresh", json={"refresh_token": second["refresh_token"]})
    assert third.status_code == 201


async def test_a_session_ends_however_often_it_is_refreshed(house: House) -> None:
    await invited(house)
    signed = await sign_in(house)
    for _ in range(6):
        house.ahead += timedelta(days=10)
        answer = await house.client.post("/sessions/refresh", json={"refresh_token": signed["refresh_token"]})
        if answer.status_code == 401:
            break
        signed = answer.json()
    assert house.ahead == timedelta(days=60)


async def test_signing_out_everywhere_ends_every_session_at_once(house: House) -> None:
    bob = await invited(house)
    other = bearer((await sign_in(house))["access_token"])
    assert (await house.client.get("/me", headers=other)).status_code == 200
    sessions = (await house.client.get("/sessions", headers=bob.headers)).json()["items"]
    assert [session["current"] for session in sessions] == [False, True]
    assert (await house.client.delete("/sessions", headers=bob.headers)).status_code == 204
    assert (await house.client.get("/me", headers=other)).status_code == 401
    assert (await house.client.get("/me", headers=bob.headers)).status_code == 401


async def test_a_new_password_ends_the_other_sessions(house: House) -> None:
    bob = await invited(house)
    other = bearer((await sign_in(house))["access_token"])
    new = {"password": PASSWORD, "new_password": "another horse battery staple"}
    assert (await house.client.post("/me/password", json=new, headers=bob.headers)).status_code == 204
    assert (await house.client.get("/me", headers=other)).status_code == 401
    assert (await house.client.get("/me", headers=bob.headers)).status_code == 200
    assert (await try_to_sign_in(house)).status_code == 401
    await sign_in(house, password=new["new_password"])


async def test_an_admin_lets_somebody_choose_a_new_password(house: House) -> None:
    bob, admin = await invited(house), await house.person("admin")
    reset = (await house.client.post(f"/users/{bob.id}/reset", headers=admin.headers)).json()
    given = {"token": reset["token"], "name": "Bob", "password": "another horse battery staple"}
    assert (await house.client.post("/invitations/acceptance", json=given)).json()["id"] == bob.id
    assert (await house.client.get("/me", headers=bob.headers)).status_code == 401
    await sign_in(house, password=given["password"])


@pytest.mark.parametrize(
    "password", ["short", "aaaaaaaaaaaaaaaa", "bob@example.org", "x" * 1025], ids=["short", "simple", "own", "long"]
)
async def test_a_weak_password_is_refused_by_name_of_the_field(house: House, password: str) -> None:
    admin = await house.person("admin")
    new = (await house.client.post("/invitations", json={"email": "bob@example.org"}, headers=admin.headers)).json()
    given = {"token": new["token"], "name": "Bob", "password": password}
    answer = await house.client.post("/invitations/acceptance", json=given)
    assert answer.status_code == 422
    assert [fault["where"] for fault in answer.json()["faults"]] == ["body.password"]


async def test_who_is_unknown_and_who_errs_cost_the_same_work_and_hear_the_same(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await invited(house)
    costs: list[bytes] = []
    check = bcrypt.checkpw

    def counting(password: bytes, kept: bytes) -> bool:
        costs.append(kept[:7])
        return check(password, kept)

    monkeypatch.setattr(bcrypt, "checkpw", counting)
    unknown = await try_to_sign_in(house, "nobody@example.org")
    known = await try_to_sign_in(house, password="wrong horse battery staple")
    assert costs == [b"$2b$04$", b"$2b$04$"]
    assert (unknown.status_code, known.status_code) == (401, 401)
    told = [{k: v for k, v in each.json().items() if k != "request_id"} for each in (unknown, known)]
    assert told[0] == told[1]
