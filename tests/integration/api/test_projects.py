"""Projects over HTTP: who may see and change which, pages, revisions, requests that come twice."""

import asyncio

from tests.integration.api.house import House

NEW = {"name": "payments", "title": "Payments"}


async def test_who_makes_a_project_is_its_admin(house: House) -> None:
    ann = await house.person("operator")
    made = await house.client.post("/projects", json=NEW, headers=ann.headers)
    assert made.status_code == 201
    assert made.headers["etag"] == '"1"'
    project = made.json()["id"]
    members = await house.client.get(f"/projects/{project}/members", headers=ann.headers)
    assert [(m["user"], m["role"]) for m in members.json()["items"]] == [(ann.id, "admin")]


async def test_a_stranger_to_a_project_learns_no_more_than_of_none(house: House) -> None:
    project = await house.project()
    eve = await house.person("operator")
    hers = await house.client.get(f"/projects/{project.id}", headers=eve.headers)
    none = await house.client.get(f"/projects/{'0' * 32}", headers=eve.headers)
    assert (hers.status_code, none.status_code) == (404, 404)
    told = [{k: v for k, v in each.json().items() if k != "request_id"} for each in (hers, none)]
    assert told[0] == told[1]


async def test_a_viewer_does_not_change_a_project(house: House) -> None:
    project = await house.project()
    ann = await house.person(**{project.id: "viewer"})
    headers = ann.headers | {"If-Match": '"1"'}
    refused = await house.client.patch(f"/projects/{project.id}", json={"title": "Mine"}, headers=headers)
    assert refused.status_code == 403
    assert refused.headers["content-type"] == "application/problem+json"


async def test_an_update_wants_the_revision_that_was_seen(house: House) -> None:
    project = await house.project()
    ann = await house.person(**{project.id: "admin"})
    url, new = f"/projects/{project.id}", {"title": "Shop"}
    assert (await house.client.patch(url, json=new, headers=ann.headers)).status_code == 428
    changed = await house.client.patch(url, json=new, headers=ann.headers | {"If-Match": '"1"'})
    assert (changed.status_code, changed.json()["title"], changed.headers["etag"]) == (200, "Shop", '"2"')
    passed = await house.client.patch(url, json=new, headers=ann.headers | {"If-Match": '"1"'})
    assert (passed.status_code, passed.json()["type"]) == (412, "urn:deepsentry:problem:revision-passed")


async def test_pages_give_every_item_once(house: House) -> None:
    ann = await house.person("admin")
    for number in range(7):
        await house.project(f"p{number}")
    seen, cursor = [], ""
    while cursor is not None:
        page = (await house.client.get(f"/projects?limit=3&cursor={cursor}", headers=ann.headers)).json()
        seen += [item["name"] for item in page["items"]]
        cursor = page["next"]
    assert sorted(seen) == [f"p{number}" for number in range(7)]


async def test_a_request_that_comes_twice_happens_once(house: House) -> None:
    ann = await house.person("operator")
    headers = ann.headers | {"Idempotency-Key": "k-1"}
    first = await house.client.post("/projects", json=NEW, headers=headers)
    again = await house.client.post("/projects", json=NEW, headers=headers)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    other = await house.client.post("/projects", json=NEW | {"name": "shop"}, headers=headers)
    assert (other.status_code, other.json()["type"]) == (409, "urn:deepsentry:problem:key-reused")


async def test_of_many_at_the_same_time_one_happens(house: House) -> None:
    ann = await house.person("operator")
    headers = ann.headers | {"Idempotency-Key": "k-2"}
    answers = await asyncio.gather(*(house.client.post("/projects", json=NEW, headers=headers) for _ in range(20)))
    made = {answer.json()["id"] for answer in answers if answer.status_code == 201}
    assert len(made) == 1
    others = {answer.json()["type"] for answer in answers if answer.status_code != 201}
    assert others <= {"urn:deepsentry:problem:in-progress"}


async def test_a_key_works_in_its_project_only(house: House) -> None:
    project, other = await house.project(), await house.project("other")
    ci = await house.key(project, "operator")
    assert (await house.client.get(f"/projects/{project.id}", headers=ci.headers)).status_code == 200
    assert (await house.client.get(f"/projects/{other.id}", headers=ci.headers)).status_code == 404
