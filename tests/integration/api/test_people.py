"""What admins do with people, and what becomes of a person's data."""

from pathlib import Path

import pytest

from api.roles import Role
from deepsentry import wire
from tests.integration.api.house import House
from tests.integration.api.people import PASSWORD, invited, sign_in, try_to_sign_in, with_codes


@pytest.mark.parametrize("role", ["viewer", "operator"])
async def test_only_admins_of_the_house_manage_people(house: House, role: Role) -> None:
    ann, other = await house.person(role), await house.person()
    for method, path in (
        ("GET", "/users"),
        ("GET", f"/users/{other.id}"),
        ("GET", f"/users/{other.id}/export"),
        ("POST", f"/users/{other.id}/reset"),
        ("DELETE", f"/users/{other.id}"),
        ("DELETE", f"/users/{other.id}/totp"),
        ("GET", "/audit"),
        ("GET", "/audit/export"),
        ("GET", "/audit/chain"),
    ):
        answer = await house.client.request(method, path, headers=ann.headers)
        assert answer.status_code == 403, path
    assert (await house.client.post("/invitations", json={"email": "x@y.org"}, headers=ann.headers)).status_code == 403


async def test_somebody_who_is_shut_out_is_out_at_once(house: House) -> None:
    admin, bob = await house.person("admin"), await invited(house)
    assert (await house.client.get("/me", headers=bob.headers)).status_code == 200
    headers = admin.headers | {"If-Match": '"1"'}
    out = await house.client.patch(f"/users/{bob.id}", json={"state": "disabled"}, headers=headers)
    assert out.json()["state"] == "disabled"
    assert (await house.client.get("/me", headers=bob.headers)).status_code == 401
    assert (await try_to_sign_in(house)).status_code == 401


async def test_a_new_role_counts_from_the_next_request(house: House) -> None:
    admin, bob = await house.person("admin"), await invited(house)
    new = {"name": "shop", "title": "Shop"}
    assert (await house.client.post("/projects", json=new, headers=bob.headers)).status_code == 403
    headers = admin.headers | {"If-Match": "*"}
    await house.client.patch(f"/users/{bob.id}", json={"role": "operator"}, headers=headers)
    assert (await house.client.post("/projects", json=new, headers=bob.headers)).status_code == 201


async def test_the_house_keeps_an_admin(house: House) -> None:
    admin = await house.person("admin")
    for change in ({"role": "viewer"}, {"state": "disabled"}):
        headers = admin.headers | {"If-Match": "*"}
        answer = await house.client.patch(f"/users/{admin.id}", json=change, headers=headers)
        assert answer.status_code == 409
    assert (await house.client.delete(f"/users/{admin.id}", headers=admin.headers)).status_code == 409
    assert (await house.client.get("/users", headers=admin.headers)).status_code == 200


async def test_a_project_keeps_an_admin(house: House) -> None:
    project = await house.project()
    ann = await house.person(**{project.id: "admin"})
    headers = ann.headers | {"If-Match": "*"}
    path = f"/projects/{project.id}/members/{ann.id}"
    assert (await house.client.patch(path, json={"role": "viewer"}, headers=headers)).status_code == 409
    assert (await house.client.delete(path, headers=headers)).status_code == 409


async def test_a_member_who_goes_sees_the_project_no_more(house: House) -> None:
    project = await house.project()
    ann, bob = await house.person(**{project.id: "admin"}), await house.person()
    joined = await house.client.post(
        f"/projects/{project.id}/members", json={"user": bob.id, "role": "viewer"}, headers=ann.headers
    )
    assert joined.status_code == 201
    assert (await house.client.get(f"/projects/{project.id}", headers=bob.headers)).status_code == 200
    path = f"/projects/{project.id}/members/{bob.id}"
    assert (await house.client.delete(path, headers=ann.headers | {"If-Match": '"1"'})).status_code == 204
    assert (await house.client.get(f"/projects/{project.id}", headers=bob.headers)).status_code == 404


async def test_a_key_is_shown_once_works_and_can_be_taken_back(house: House) -> None:
    project = await house.project()
    ann = await house.person(**{project.id: "admin"})
    path = f"/projects/{project.id}/keys"
    made = (await house.client.post(path, json={"name": "ci", "role": "viewer"}, headers=ann.headers)).json()
    ci = {"Authorization": f"Bearer {made['key']}"}
    assert (await house.client.get(f"/projects/{project.id}", headers=ci)).status_code == 200
    [listed] = (await house.client.get(path, headers=ann.headers)).json()["items"]
    assert "key" not in listed
    assert listed["used_at"] is not None
    assert (await house.client.get("/me", headers=ci)).status_code == 403  # a program is nobody's person
    assert (await house.client.post(path, json={"name": "more"}, headers=ci)).status_code == 403
    assert (await house.client.delete(f"{path}/{made['id']}", headers=ann.headers)).status_code == 204
    assert (await house.client.get(f"/projects/{project.id}", headers=ci)).status_code == 401


async def test_the_audit_log_tells_every_change_in_order_and_notices_a_forgery(house: House) -> None:
    admin, bob = await house.person("admin"), await invited(house, role="operator")
    await house.client.post("/projects", json={"name": "shop", "title": "Shop"}, headers=bob.headers)
    entries = (await house.client.get("/audit", headers=admin.headers)).json()["items"]
    assert [entry["action"] for entry in entries] == [
        "project.created",
        "session.began",
        "invitation.accepted",
        "user.invited",
    ]
    assert [entry["number"] for entry in entries] == [4, 3, 2, 1]
    assert entries[0]["actor"] == f"user:{bob.id}"
    lines = (await house.client.get("/audit/export", headers=admin.headers)).text.splitlines()
    assert [wire.from_json(line)["number"] for line in lines] == [1, 2, 3, 4]  # type: ignore[index]
    chain = await house.client.get("/audit/chain", headers=admin.headers)
    assert chain.json() == {"whole": True, "first_broken": None}
    # somebody with a hand in the store
    await house.parts.store.database["audit"].update_one({"number": 3}, {"$set": {"actor": "house"}})  # type: ignore[attr-defined]
    chain = await house.client.get("/audit/chain", headers=admin.headers)
    assert chain.json() == {"whole": False, "first_broken": 3}


async def test_a_person_gets_all_that_is_kept_of_it_without_a_secret(house: House) -> None:
    bob = await invited(house, role="operator")
    device, recovery = await with_codes(house, bob)
    await house.client.post("/projects", json={"name": "shop", "title": "Shop"}, headers=bob.headers)
    export = await house.client.get("/me/export", headers=bob.headers)
    data = export.json()
    assert data["user"]["email"] == "bob@example.org"
    assert (data["second_factor"], len(data["sessions"]), len(data["memberships"])) == (True, 1, 1)
    assert {"session.began", "second_factor.added", "project.created"} <= {each["action"] for each in data["audit"]}
    for secret in (PASSWORD, device.secret, recovery[0], "$2b$"):
        assert secret not in export.text


async def test_an_erased_person_is_nobody_and_the_log_still_holds(house: House) -> None:
    admin, bob = await house.person("admin"), await invited(house, role="operator")
    await house.client.post("/projects", json={"name": "shop", "title": "Shop"}, headers=bob.headers)
    wrong = await house.client.post("/me/erasure", json={"password": "not mine at all"}, headers=bob.headers)
    assert wrong.status_code == 401
    assert (await house.client.post("/me/erasure", json={"password": PASSWORD}, headers=bob.headers)).status_code == 204
    assert (await house.client.get("/me", headers=bob.headers)).status_code == 401
    assert (await try_to_sign_in(house)).status_code == 401
    everything = [
        document
        for name in await house.parts.store.database.list_collection_names()  # type: ignore[attr-defined]
        async for document in house.parts.store.database[name].find()  # type: ignore[attr-defined]
    ]
    assert not [document for document in everything if "bob" in str(document).casefold()]
    addresses = [document["address"] for document in everything if str(document.get("actor")) == f"user:{bob.id}"]
    assert set(addresses) == {""}
    assert (await house.client.get("/audit/chain", headers=admin.headers)).json()["whole"]
    again = await invited(house)  # the address is free
    assert again.id != bob.id
    await sign_in(house)


async def test_an_admin_removes_the_second_factor_of_who_lost_it(house: House) -> None:
    admin, bob = await house.person("admin"), await invited(house)
    await with_codes(house, bob)
    assert (await sign_in(house))["status"] == "code_wanted"
    assert (await house.client.delete(f"/users/{bob.id}/totp", headers=admin.headers)).status_code == 204
    assert (await sign_in(house))["status"] == "signed_in"


async def test_second_factor_and_recovery_codes_change_only_for_who_proves_it(house: House) -> None:
    bob = await invited(house)
    device, recovery = await with_codes(house, bob)
    given = {"password": PASSWORD, "code": "000000"}
    for path in ("/me/recovery-codes", "/me/totp/removal"):
        assert (await house.client.post(path, json=given, headers=bob.headers)).status_code == 401
    new = await house.client.post(
        "/me/recovery-codes", json=given | {"code": device.at(house.now())}, headers=bob.headers
    )
    assert len(set(new.json()["recovery_codes"]) | set(recovery)) == 20
    old = await house.client.post("/me/totp/removal", json=given | {"code": recovery[0]}, headers=bob.headers)
    assert old.status_code == 401
    removed = await house.client.post(
        "/me/totp/removal", json=given | {"code": new.json()["recovery_codes"][0]}, headers=bob.headers
    )
    assert removed.status_code == 204
    assert (await sign_in(house))["status"] == "signed_in"


def test_the_keys_lie_where_only_the_house_reads_them(tmp_path: Path) -> None:
    from api.auth import keys  # noqa: PLC0415
    from api.parts import utc_now  # noqa: PLC0415

    keys.ensure(tmp_path / "keys", utc_now())
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "keys").iterdir()} == {0}
