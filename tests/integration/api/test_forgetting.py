"""A person's data: all of it is given out, and nothing of it is left where it was erased."""

from datetime import timedelta

import httpx

from api.house.words import everything
from api.indexing.indexer import Indexer
from deepsentry import topics
from deepsentry.events import Verdict
from deepsentry.kafka import read
from tests.integration.api.house import PASSWORD, House
from tests.integration.api.people import invited, sign_in, try_to_sign_in
from tests.integration.api.world import NEW, World, strange

WORDS = "my mother's birthday"


async def at_work(world: World) -> None:
    """Ann uses all that a project has, and says something of her own where she can."""
    client, ann = world.house.client, world.ann.headers
    for name in ("a1", "a2"):
        await world.tell(topics.ANOMALIES, "f", strange(name))
    until = (world.house.now() + timedelta(hours=1)).isoformat()
    dataset = await client.post(f"{world.url}/datasets", json=NEW, headers=ann)
    done = [
        dataset,
        await client.post(f"{world.url}/jobs", json={"dataset": dataset.json()["id"], "model": "shop"}, headers=ann),
        await client.post(
            f"{world.url}/silences", json={"reason": WORDS, "until": until, "fingerprint": "f"}, headers=ann
        ),
    ]
    for name in ("a1", "a2"):
        url, body = f"{world.url}/anomalies/{name}/verdict", {"judgement": "false_alarm", "note": WORDS}
        done.append(await client.put(url, json=body, headers=ann))
    done.append(await client.delete(f"{world.url}/anomalies/a2/verdict", headers=ann))
    assert [each.status_code for each in done] == [201, 201, 201, 200, 200, 204]


async def test_the_export_holds_what_a_person_worked_on(world: World) -> None:
    await at_work(world)
    data = (await world.house.client.get("/me/export", headers=world.ann.headers)).json()
    kinds = ("datasets_created", "jobs", "silences", "verdicts", "memberships")
    assert {kind: len(data[kind]) for kind in kinds} == dict.fromkeys(kinds, 1) | {"verdicts": 2}
    assert data["silences"][0]["reason"] == data["verdicts"][0]["note"] == WORDS
    others = (await world.house.client.get("/me/export", headers=world.vic.headers)).json()
    assert {kind: others[kind] for kind in kinds[:4]} == {kind: [] for kind in kinds[:4]}


async def test_what_an_erased_person_said_is_gone_from_topic_and_store_and_what_was_decided_stands(
    world: World,
) -> None:
    await at_work(world)
    root = await world.house.person("admin")
    erased = await world.house.client.delete(f"/users/{world.ann.id}", headers=root.headers)
    assert erased.status_code == 204, erased.text
    newest = {record.key: record for record in read(world.stream.settings.kafka, topics.FEEDBACK.name)}
    assert len(newest) == 3
    assert not [record for record in newest.values() if WORDS.encode() in record.value]
    assert {each.judgement for each in world.on(topics.FEEDBACK, Verdict) if each.anomaly == "a1"} == {"false_alarm"}
    indexer = Indexer(world.house.parts.work, world.house.parts.found, world.house.now, lambda _: None)
    for record in newest.values():  # the topic read anew brings nothing back
        await indexer.take(record)
    documents = [
        str(document)
        for name in await world.house.parts.store.database.list_collection_names()  # type: ignore[attr-defined]
        async for document in world.house.parts.store.database[name].find()  # type: ignore[attr-defined]
    ]
    assert not [document for document in documents if WORDS in document or f"{world.ann.id}@example.org" in document]
    verdict = await world.get("/anomalies/a1/verdict", world.vic)
    assert (verdict["judgement"], verdict["by"], verdict["note"]) == ("false_alarm", world.ann.id, "")
    [silence] = (await world.get("/silences", world.vic, standing=True))["items"]  # type: ignore[misc]
    assert (silence["fingerprint"], silence["owner"]) == ("f", world.ann.id)


async def test_no_invitation_and_no_failed_attempt_of_an_erased_person_is_left(house: House) -> None:
    admin = await house.person("admin")
    other = {"email": "BOB@Example.org", "role": "viewer"}
    assert (await house.client.post("/invitations", json=other, headers=admin.headers)).status_code == 201
    bob = await invited(house)
    await try_to_sign_in(house, password="not mine at all")
    await sign_in(house)
    data = (await house.client.get("/me/export", headers=bob.headers)).json()
    assert {each["email"] for each in data["invitations"]} == {"bob@example.org", "BOB@Example.org"}
    assert data["attempts"]
    assert (await house.client.post("/me/erasure", json={"password": PASSWORD}, headers=bob.headers)).status_code == 204
    assert await house.parts.lockout.of(["bob@example.org", f"confirm:{bob.id}"], ["127.0.0.1"]) == []
    assert await everything(house.parts.invitations.all) == []


async def test_answers_by_links_are_counted_by_network_so_that_more_addresses_are_no_more_tries(house: House) -> None:
    answered = set()
    for number in range(130):  # 60 a minute, and the minute may end meanwhile
        transport = httpx.ASGITransport(house.app, client=(f"2001:db8::{number:x}", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as anybody:
            answered.add((await anybody.get("/verdicts/nonsense")).status_code)
    assert answered == {403, 429}
