"""What the stream found and how it is, over HTTP on real servers."""

from datetime import UTC, datetime, timedelta

import httpx
import msgspec

from deepsentry import topics, wire
from deepsentry.events import (
    Alert,
    ModelReference,
    Silence,
    Verdict,
    WorkerStatus,
)
from deepsentry.links import Link, sign
from streams.alerts.exemption import Exemption
from tests.integration.api.world import REFERENCE, World, strange
from tests.unit.streams.alerts.builders import alert


async def test_an_anomaly_is_listed_read_and_judged_and_the_verdict_is_on_the_topic(world: World) -> None:
    client = world.house.client
    await world.tell(topics.ANOMALIES, "f", strange("a1"))
    await world.tell(topics.ANOMALIES, "f", strange("a2", score=9.0, service="cart"))
    await world.tell(topics.ANOMALIES, "f", strange("b1", model=ModelReference("elsewhere", 1, "")))
    listed = (await world.get("/anomalies", sort="-score"))["items"]
    assert isinstance(listed, list)
    assert [each["id"] for each in listed] == ["a2", "a1"]
    chosen: list[tuple[str, str | float, int]] = [("q", "payment DECL", 2), ("service", "cart", 1), ("least", 4, 1)]
    for name, value, expected in [*chosen, ("q", "nothing", 0)]:
        some = (await world.get("/anomalies", **{name: value}))["items"]
        assert isinstance(some, list)
        assert len(some) == expected, name
    event = (await world.get("/anomalies/a1"))["event"]
    assert isinstance(event, dict)
    assert event["lines"][2]["deviates"]
    url = f"{world.url}/anomalies/a1/verdict"
    said = await client.put(url, json={"judgement": "false_alarm", "note": "a test"}, headers=world.ann.headers)
    assert said.status_code == 200, said.text
    [verdict] = world.on(topics.FEEDBACK, Verdict)
    told = (verdict.anomaly, verdict.judgement, verdict.by, verdict.note)
    assert told == ("a1", "false_alarm", world.ann.id, "a test")
    assert (await world.get("/anomalies/a1"))["judgement"] == "false_alarm"
    await world.tell(topics.ANOMALIES, "f", strange("a1"))
    assert (await world.get("/anomalies/a1"))["judgement"] == "false_alarm"
    assert (await client.delete(url, headers=world.ann.headers)).status_code == 204
    assert (await world.get("/anomalies/a1"))["judgement"] is None
    assert (await client.delete(url, headers=world.ann.headers)).status_code == 404


async def test_an_alert_is_shown_as_it_was_last_told(world: World) -> None:
    notice = alert("opened", strange("a1")).alert
    now = datetime.now(UTC)
    newer = msgspec.structs.replace(notice, status="resolved", updated_at=now)
    older = msgspec.structs.replace(notice, updated_at=now - timedelta(minutes=1))
    for each in (older, newer, older):
        await world.tell(topics.ALERTS, "f", each)
    shown = await world.get(f"/alerts/{notice.id}")
    assert shown["status"] == "resolved"
    assert wire.decode(Alert, wire.encode(shown["event"])).anomaly.id == "a1"


async def test_a_silence_holds_for_the_models_of_its_project_only(world: World) -> None:
    client = world.house.client
    until = (world.house.now() + timedelta(hours=1)).isoformat()
    body = {"reason": "load test", "until": until, "match": [{"label": "service", "value": 'a"b', "operator": "="}]}
    made = await client.post(f"{world.url}/silences", json=body, headers=world.ann.headers)
    assert made.status_code == 201, made.text
    [silence] = world.on(topics.FEEDBACK, Silence)
    ours = alert("opened", strange(service='a"b')).alert
    theirs = strange(service='a"b', model=ModelReference("x", 1, ""))
    now = datetime.now(UTC) + timedelta(minutes=1)
    assert Exemption.of(silence).covers(ours, now)
    assert not Exemption.of(silence).covers(alert("opened", theirs).alert, now)
    pattern = [{"label": "host", "operator": "=~", "value": "("}]
    for wrong in ({"match": []}, {"until": "2020-01-01T00:00:00Z"}, {"match": pattern}):
        refused = await client.post(f"{world.url}/silences", json=body | wrong, headers=world.ann.headers)
        assert refused.status_code == 422
    await world.tell(topics.FEEDBACK, f"silence/{silence.id}", silence)  # it comes back, and is no new revision
    url = f"{world.url}/silences/{made.json()['id']}"
    ended = await client.delete(url, headers=world.ann.headers | {"If-Match": '"1"'})
    assert ended.status_code == 200, ended.text
    last = world.on(topics.FEEDBACK, Silence)[-1]
    assert (last.ended_by, last.until <= datetime.now(UTC)) == (world.ann.id, True)
    none = await client.post(f"/projects/{world.other.id}/silences", json=body, headers=world.eve.headers)
    assert none.status_code == 409


async def test_the_pipeline_shows_what_concerns_the_project(world: World) -> None:
    now = datetime.now(UTC)
    lag = {f"{topics.CLEAN.name}/0": 7, f"{topics.CLEAN.name}/1": 2, "deepsentry.else.v1/0": 9}
    status = WorkerStatus("w/1/score", "score", "w", 1, now, now, True, (), REFERENCE, None, lag, 12.5, now)
    await world.tell(topics.WORKERS, "w", status)
    other = msgspec.structs.replace(status, worker="w/2/score", version=None, lag={"deepsentry.else.v1/0": 1})
    gone = msgspec.structs.replace(status, worker="w/3/score", at=now - timedelta(minutes=2))
    for each in (other, gone):
        await world.tell(topics.WORKERS, "w", each)
    shown = await world.get("/pipeline", world.vic)
    workers = shown["workers"]
    assert isinstance(workers, list)
    [worker] = workers
    assert (worker["worker"], worker["version"]["version"], shown["lag"]) == ("w/1/score", 1, {"score": 9})
    assert [each["partition"] for each in worker["lag"] if each["topic"] == topics.CLEAN.name] == [0, 1]


async def test_a_signed_link_in_a_notice_gives_its_one_answer_and_a_scanner_that_follows_it_none(world: World) -> None:
    parts = world.house.parts
    key = parts.settings.alerts.links.key.get_secret_value().encode()
    await world.tell(topics.ANOMALIES, "f", strange("a1"))
    ends = parts.now() + timedelta(days=1)
    token, later = (sign(Link(name, "", "false_alarm", "oncall", ends), key) for name in ("a1", "a2"))
    over = sign(Link("a1", "", "true", "oncall", parts.now() - timedelta(seconds=1)), key)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(world.house.app), base_url="http://testserver"
    ) as anybody:
        looked = await anybody.get(f"/verdicts/{token}")
        assert (looked.status_code, "false alarm" in looked.text) == (200, True)
        assert world.on(topics.FEEDBACK, Verdict) == []
        for wrong in (over, token[:-2] + "xx", "nonsense"):
            for method in ("GET", "POST"):
                assert (await anybody.request(method, f"/verdicts/{wrong}")).status_code == 403
        assert (await anybody.post(f"/verdicts/{later}")).status_code == 404
        assert (await anybody.post(f"/verdicts/{token}")).status_code == 200
    [verdict] = world.on(topics.FEEDBACK, Verdict)
    assert (verdict.anomaly, verdict.judgement, verdict.by) == ("a1", "false_alarm", "oncall")
    assert (await world.get("/anomalies/a1"))["judgement"] == "false_alarm"
