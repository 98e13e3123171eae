"""What people say of an anomaly changes what they are told next, and taking it back changes it back."""

import asyncio
import json
import subprocess
import sys
from http import HTTPStatus
from typing import Any

from msgspec.structs import replace

from benchmarks.answers.rare import RARE
from deepsentry import feedback
from deepsentry.demo.shop import Shop
from deepsentry.events import Alert, Shape
from models.registry import Registry
from tests.integration.stream import Stream, eventually, shop_entries
from tests.integration.test_alerting import awaited, event, publish
from tests.integration.test_models import adopted
from tests.integration.workers import Worker
from tests.unit.streams.alerts.builders import anomaly
from tests.unit.streams.alerts.receiver import Received, receiving

SHAPE = Shape(("GET <*>", "payment declined for order <*>", "answered"), (0, 1, 2))
OTHER = Shape(("GET <*>", "payment declined for order <*>", "answered"), (0, 1, 1, 1, 2))


def run(stream: Stream, *words: str) -> Any:
    command = [sys.executable, "-m", "deepsentry", *words, "--json"]
    done = subprocess.run(command, check=True, env=stream.environment, capture_output=True, timeout=120)
    return json.loads(done.stdout)


async def say(stream: Stream, *words: str) -> Any:
    return await asyncio.to_thread(run, stream, *words)


def opened(requests: list[Received]) -> set[str]:
    return {found.data.anomaly.id for found in map(event, requests) if found.type.endswith("opened.v1")}


def status(stream: Stream, anomaly_id: str) -> str:
    found: list[Alert] = [alert for alert in stream.alerts() if anomaly_id in alert.anomaly_ids]
    return found[-1].status if found else ""


async def test_a_false_alarm_keeps_its_kind_from_people_until_it_is_withdrawn(stream: Stream) -> None:
    async with receiving() as receiver:
        stream.work(
            "alert",
            DEEPSENTRY_ALERTS__QUIET="1000",
            DEEPSENTRY_ALERTS__GROUP_WAIT="0",
            DEEPSENTRY_ALERTS__INCIDENT_AFTER="0",
            DEEPSENTRY_ALERTS__TARGETS__MINE__KIND="webhook",
            DEEPSENTRY_ALERTS__TARGETS__MINE__URL=receiver.url,
            DEEPSENTRY_ALERTS__TARGETS__MINE__SECRET="known to the receiver",
            DEEPSENTRY_ALERTS__TARGETS__MINE__ALLOW_PRIVATE="true",
            DEEPSENTRY_ALERTS__LINKS__URL="https://deepsentry.example.com",
            DEEPSENTRY_ALERTS__LINKS__KEY="a key of links, long enough",
        )
        publish(stream, [anomaly("a1", shape=SHAPE)])
        await awaited(lambda: opened(receiver.received) == {"a1"})
        body = json.loads(receiver.received[0].body)
        assert set(body["data"]["links"]) == {"false_alarm", "true"}

        given = await say(stream, "verdict", "a1", "--false-alarm", "--by", "kim", "--note", "a load test")
        assert (given["by"], given["judgement"], given["judged"]["lines"]) == ("kim", "false_alarm", [])
        await awaited(lambda: status(stream, "a1") == "resolved")

        publish(stream, [anomaly("a2", shape=SHAPE), anomaly("b1", shape=OTHER)])
        await awaited(lambda: "b1" in opened(receiver.received))
        await awaited(lambda: status(stream, "a2") == "suppressed")
        assert opened(receiver.received) == {"a1", "b1"}
        [listed] = await say(stream, "verdicts", "list")
        assert (listed["anomaly"], listed["by"], listed["note"]) == ("a1", "kim", "a load test")

        gone = await say(stream, "verdicts", "withdraw", "a1", "--by", "ann")
        assert (gone["by"], gone["withdrawn_by"], gone["judged"]) == ("kim", "ann", None)
        assert await say(stream, "verdicts", "list") == []
        await asyncio.sleep(2 * 1.0)  # what the worker follows arrives within a second
        publish(stream, [anomaly("a3", shape=SHAPE, fingerprint="c" * 16)])
        await awaited(lambda: "a3" in opened(receiver.received))


def closed(worker: Worker) -> float:
    return sum(worker.metric("deepsentry_sequences_total", why=why) for why in ("idle", "quiet", "cut"))


def test_a_version_that_knows_of_a_false_alarm_finds_no_anomaly_and_one_without_it_does(
    trained_stream: Stream,
) -> None:
    stream = trained_stream
    probe = tuple(journey for journey in RARE if journey.name == "probe")
    worker = stream.work("score")
    eventually(lambda: worker.ready().status == HTTPStatus.OK)

    def probed(seed: int) -> set[str]:
        """Return the ids of the anomalies that three new probes lead to, once they were judged."""
        before, over = {each.id for each in stream.anomalies()}, closed(worker)
        entries = shop_entries(Shop(seed, journeys=probe).normal(1_796_000_000.0 + 10_000 * seed, 3))
        # each line has a place of its own in the raw log, or it would pass for one that was handled before
        stream.publish_clean(replace(e, raw=replace(e.raw, offset=e.raw.offset + 1000 * seed)) for e in entries)
        eventually(lambda: closed(worker) >= over + 3)
        eventually(stream.scored)
        return {each.id for each in stream.anomalies()} - before

    first = probed(1)
    assert len(first) == 3
    given = run(stream, "verdict", min(first), "--false-alarm")
    assert given["judged"]["shape"]["lines"]
    assert run(stream, "recalibrate")["version"]["version"] == 2
    assert run(stream, "recalibrate")["version"] is None
    eventually(lambda: adopted(worker, 2))
    assert probed(2) == set()

    run(stream, "verdicts", "withdraw", min(first))
    assert run(stream, "recalibrate")["version"]["version"] == 3
    eventually(lambda: adopted(worker, 3))
    assert len(probed(3)) == 3
    registry = Registry(stream.home / "registry")
    assert registry.read("detector", 3)[0].judged == registry.read("detector", 1)[0].judged == ()


def test_the_newest_verdict_counts_and_an_alert_can_be_judged_by_its_id(stream: Stream) -> None:
    publish(stream, [anomaly("a1", shape=SHAPE), anomaly("a12", shape=OTHER)])
    run(stream, "verdict", "a12", "--false-alarm")
    run(stream, "verdict", "a12", "--true", "--note", "on second thoughts")
    [stands] = feedback.stored(stream.settings.kafka).values()
    assert (stands.judgement, stands.note) == ("true", "on second thoughts")
    command = [sys.executable, "-m", "deepsentry", "verdict", "a1", "--true"]
    done = subprocess.run(command, check=False, env=stream.environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, "begins 2 anomaly ids" in done.stderr) == (1, True)
