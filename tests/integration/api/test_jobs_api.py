"""Datasets and jobs over HTTP on real servers; what is another's is told like what is not there."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jsonschema

from deepsentry import topics, wire
from deepsentry.control import Mongo, Redis
from deepsentry.events import (
    Job,
    JobReport,
    JobState,
)
from tests.integration.api.house import House
from tests.integration.api.world import NEW, NOBODY, REFERENCE, World, strange


async def test_a_dataset_names_only_a_topic_of_its_project_and_a_pattern_that_re2_can_afford(world: World) -> None:
    post = world.house.client.post
    made = await post(f"{world.url}/datasets", json=NEW, headers=world.ann.headers)
    assert (made.status_code, made.headers["etag"]) == (201, '"1"')
    assert (await post(f"{world.url}/datasets", json=NEW, headers=world.ann.headers)).status_code == 409
    theirs = await post(f"/projects/{world.other.id}/datasets", json=NEW, headers=world.eve.headers)
    none = await post(
        f"/projects/{world.other.id}/datasets", json=NEW | {"topic": "no.such.topic"}, headers=world.eve.headers
    )
    assert theirs.status_code == none.status_code == 404
    assert theirs.json()["detail"] == none.json()["detail"]
    for pattern in ("(", "(a{1000}){1000}", "()" * 11, "(?=x)"):
        bad = NEW | {"name": "x", "key": pattern}
        refused = await post(f"{world.url}/datasets", json=bad, headers=world.ann.headers)
        assert refused.status_code == 422, pattern
        assert refused.json()["faults"][0]["where"] == "body.key"
    url, match = f"{world.url}/datasets/{made.json()['id']}", {"If-Match": '"1"'}
    patched = await world.house.client.patch(url, json={"budget": 5}, headers=world.ann.headers | match)
    assert patched.json()["budget"] == 5.0
    late = await world.house.client.patch(url, json={"budget": 6}, headers=world.ann.headers | match)
    assert late.status_code == 412


async def test_only_admins_of_the_house_say_what_belongs_to_whom_and_nothing_belongs_to_two(world: World) -> None:
    grant = {"kind": "topic", "name": topics.CLEAN.name}
    url = f"/projects/{world.other.id}/grants"
    assert (await world.house.client.post(url, json=grant, headers=world.eve.headers)).status_code == 403
    root = await world.house.person("admin")
    assert (await world.house.client.post(url, json=grant, headers=root.headers)).status_code == 409
    mine = (await world.get("/grants"))["items"]
    assert isinstance(mine, list)
    gone = next(each["id"] for each in mine if each["name"] == topics.CLEAN.name)
    left = await world.house.client.delete(f"{world.url}/grants/{gone}", headers=root.headers)
    assert left.status_code == 204
    assert (await world.house.client.post(url, json=grant, headers=root.headers)).status_code == 201
    lost = await world.house.client.post(f"{world.url}/datasets", json=NEW, headers=world.ann.headers)
    assert lost.status_code == 404


async def test_a_job_is_on_the_topic_and_shows_what_workers_say_of_it(world: World) -> None:
    client = world.house.client
    dataset = (await client.post(f"{world.url}/datasets", json=NEW, headers=world.ann.headers)).json()["id"]
    body = {"dataset": dataset, "model": "shop", "epochs": 2}
    made = await client.post(f"{world.url}/jobs", json=body, headers=world.ann.headers)
    assert made.status_code == 201, made.text
    id_ = made.json()["id"]
    [asked] = world.on(topics.JOBS, Job)
    told = {"topic": topics.CLEAN.name, "key": NEW["key"], "budget": 20.0, "seed": 0, "epochs": 2, "promote": False}
    assert (asked.id, asked.owner, asked.parameters) == (id_, world.ann.id, told)
    said: list[tuple[int, JobState]] = [(1, "starting"), (2, "running"), (2, "lost"), (3, "registered")]
    for number, state in said:
        at = datetime(2026, 1, 1, 12, number, tzinfo=UTC)
        version = REFERENCE if state == "registered" else None
        report = JobReport(id_, number, state, at, f"{state} {number}", facts={"loss.of": 0.5}, version=version)
        await world.tell(topics.REPORTS, f"{id_}/{number}", report)
        await world.tell(topics.REPORTS, f"{id_}/{number}", report)  # at least once
    shown = await world.get(f"/jobs/{id_}")
    assert (shown["state"], shown["message"]) == ("registered", "registered 3")
    assert shown["owner"] == {"id": world.ann.id, "name": None}
    assert shown["facts"] == [{"name": "loss.of", "value": 0.5}]
    rest = (await world.get(f"/jobs/{id_}/reports", after=1))["items"]
    assert isinstance(rest, list)
    assert [(each["number"], each["state"]) for each in rest] == [(2, "running"), (3, "registered")]
    streamed = await client.get(f"{world.url}/jobs/{id_}/events", headers=world.vic.headers | {"Last-Event-ID": "1"})
    events = [dict(line.split(": ", 1) for line in each.splitlines()) for each in streamed.text.split("\r\n\r\n")[:-1]]
    assert [each["id"] for each in events] == ["2", "3"]
    for each in events:
        assert_declared(world, each)
    again = await client.get(f"{world.url}/jobs/{id_}/events", headers=world.vic.headers | {"Last-Event-ID": "3"})
    assert (again.status_code, again.content) == (204, b"")  # browsers come again by themselves until told not to
    ended = await client.post(f"{world.url}/jobs/{id_}/stop", headers=world.ann.headers)
    assert (ended.status_code, ended.json()["detail"]) == (409, "it has ended: registered")
    recent = (await client.get("/jobs", headers=world.ann.headers)).json()["items"]
    assert [(each["project"]["name"], each["owner"]["name"]) for each in recent] == [("shop", "Ann")]
    assert (await client.get("/jobs", headers=world.eve.headers)).json()["items"] == []


def assert_declared(world: World, event: dict[str, str]) -> None:
    """An event is what the schema says of it, and its data is a report."""
    schema = world.house.app.openapi()
    watched = schema["paths"]["/api/v1/projects/{project}/jobs/{job}/events"]["get"]["responses"]["200"]
    declared = watched["content"]["text/event-stream"]["schema"]
    jsonschema.validate(event, declared)
    inside = declared["properties"]["data"]["contentSchema"]
    jsonschema.validate(wire.from_json(event["data"].encode()), {**inside, "components": schema["components"]})


async def test_jobs_come_in_pages_by_words_and_in_order(world: World) -> None:
    now = world.house.now()
    for number, model in enumerate(["shop-a", "shop-c", "shop-b"]):
        made = Job(f"{number:032x}", "train", world.project.id, NOBODY, world.ann.id, model, now + timedelta(number))
        await world.tell(topics.JOBS, made.id, made)

    async def models(**params: str | float) -> list[str]:
        names: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            page = await world.get("/jobs", limit=2, **params, **cursor)
            items, following = page["items"], page["next"]
            assert isinstance(items, list)
            names += [each["model"] for each in items]
            if following is None:
                return names
            cursor = {"cursor": str(following)}

    assert await models() == ["shop-b", "shop-c", "shop-a"]
    assert await models(sort="model") == ["shop-a", "shop-b", "shop-c"]
    assert await models(q="shop B") == ["shop-b"]
    assert await models(q="$where .*") == []
    assert await models(state="running") == []


async def test_a_job_names_no_model_of_another_project_nor_one_that_nobody_owns(world: World) -> None:
    client, own = world.house.client, {"kind": "topic", "name": "other.topic"}
    root = await world.house.person("admin")
    await client.post(f"/projects/{world.other.id}/grants", json=own, headers=root.headers)
    url = f"/projects/{world.other.id}"
    dataset = await client.post(f"{url}/datasets", json=NEW | {"topic": "other.topic"}, headers=world.eve.headers)
    trained, _ = world.house.parts.registry.read("shop", 1)
    world.house.parts.registry.save("unowned", trained)
    for model, status in (("shop", 404), ("unowned", 404), ("their-own", 201)):
        body = {"dataset": dataset.json()["id"], "model": model}
        made = await client.post(f"{url}/jobs", json=body, headers=world.eve.headers)
        assert made.status_code == status, model
    assert [each.model for each in world.on(topics.JOBS, Job)] == ["their-own"]


async def test_without_a_broker_what_needs_it_is_refused_and_nothing_is_half_done(
    tmp_path: Path, mongo: Mongo, redis: Redis
) -> None:
    async with House(tmp_path, mongo, redis) as house:
        project = await house.project()
        ann, root = await house.person(**{project.id: "operator"}), await house.person("admin")
        url = f"/projects/{project.id}"
        await house.client.post(
            f"{url}/grants", json={"kind": "topic", "name": topics.CLEAN.name}, headers=root.headers
        )
        dataset = (await house.client.post(f"{url}/datasets", json=NEW, headers=ann.headers)).json()["id"]
        made = await house.client.post(f"{url}/jobs", json={"dataset": dataset, "model": "shop"}, headers=ann.headers)
        assert (made.status_code, made.json()["type"]) == (503, "urn:deepsentry:problem:away")
        assert (await house.client.get(f"{url}/jobs", headers=ann.headers)).json()["items"] == []


async def test_a_stranger_is_told_of_nothing_whatever_he_names(world: World) -> None:
    """Every route of the project's work, with ids that exist, asked by the admin of another project."""
    await world.tell(topics.ANOMALIES, "f", strange("a1"))
    schema = world.house.app.openapi()
    asked = 0
    for path, methods in schema["paths"].items():
        if "{project}" not in path:
            continue
        names = {"project": world.project.id, "anomaly": "a1", "model": "shop", "number": "1", "record": "0-1"}
        url = re.sub(r"\{(\w+)\}", lambda found, names=names: names.get(found[1], NOBODY), path)
        for method in methods:
            headers = world.eve.headers | {"If-Match": "*"}
            got = await world.house.client.request(method, url.removeprefix("/api/v1"), json={}, headers=headers)
            assert got.status_code in {403, 404, 422}, (method, path, got.text)
            assert got.status_code != 403 or path.endswith(("/grants", "/grants/{grant}")), path
            asked += 1
    assert asked > 30
