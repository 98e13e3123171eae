"""From an anomaly to a person: one alert for each problem, told once for each occasion, also after a crash."""

import asyncio
import hashlib
import hmac
import time
from collections import Counter
from collections.abc import Callable, Iterable

import msgspec
from aiohttp import web

from deepsentry import topics, wire
from deepsentry.events import Alert, Anomaly, CleanEntry, Line, Position
from tests.integration.published import demand_valid
from tests.integration.stream import Stream, eventually
from tests.unit.streams.alerts.builders import anomaly
from tests.unit.streams.alerts.receiver import Received, receiving

SECRET = "known to the receiver"


class Event(msgspec.Struct):
    id: str
    type: str
    data: Alert


def event(request: Received) -> Event:
    """Return the CloudEvent of `request`, after a look at its signature and its key."""
    at, mac = request.headers["X-DeepSentry-Signature"].split(",")
    signed = at.removeprefix("t=").encode() + b"." + request.body
    assert mac == "v1=" + hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    found = wire.decode(Event, request.body)
    assert request.headers["Idempotency-Key"] == f'"{found.id}"'
    return found


def told(requests: Iterable[Received]) -> Counter[tuple[str, str]]:
    """Return (fingerprint, occasion) -> how many different keys told it."""
    events = {found.id: found for found in map(event, requests)}.values()
    return Counter((each.data.fingerprint, each.type.split(".")[3]) for each in events)


def publish(stream: Stream, anomalies: Iterable[Anomaly]) -> None:
    for each in anomalies:
        stream.publish([wire.encode(each)], topics.ANOMALIES.name, each.fingerprint.encode())


def newest(stream: Stream) -> dict[str, Alert]:
    return {alert.fingerprint: alert for alert in stream.alerts()}


async def awaited(look: Callable[[], object]) -> None:
    await asyncio.to_thread(eventually, look)


async def test_anomalies_become_alerts_that_are_told_once_and_a_crash_neither_loses_nor_doubles_one(
    stream: Stream,
) -> None:
    loud = [anomaly(f"loud-{n}", fingerprint="a" * 16) for n in range(30)]
    rare = [anomaly("rare-0", fingerprint="b" * 16, severity="critical")]
    async with receiving() as receiver:
        target = {
            "DEEPSENTRY_ALERTS__TARGETS__MINE__KIND": "webhook",
            "DEEPSENTRY_ALERTS__TARGETS__MINE__URL": receiver.url,
            "DEEPSENTRY_ALERTS__TARGETS__MINE__SECRET": SECRET,
            "DEEPSENTRY_ALERTS__TARGETS__MINE__ALLOW_PRIVATE": "true",
        }
        first = stream.work("alert", DEEPSENTRY_ALERTS__QUIET="1000", **target)
        publish(stream, loud[:10])
        await awaited(lambda: len(receiver.received) == 1)
        assert told(receiver.received) == {("a" * 16, "opened"): 1}

        publish(stream, [*loud[10:20], *rare])
        first.kill()
        publish(stream, loud[20:])
        second = stream.work("alert", DEEPSENTRY_ALERTS__QUIET="4", **target)
        await awaited(lambda: [newest(stream)[key].status for key in sorted(newest(stream))] == ["resolved"] * 2)
        await awaited(lambda: sum(told(receiver.received).values()) == 4)
        assert told(receiver.received) == {
            (fingerprint * 16, occasion): 1 for fingerprint in "ab" for occasion in ("opened", "resolved")
        }

    alerts = newest(stream)
    assert {key: alert.count for key, alert in alerts.items()} == {"a" * 16: 30, "b" * 16: 1}
    assert len({alert.id for alert in stream.alerts()}) == 2
    assert second.metric("deepsentry_alerts_total", status="resolved") == 2
    assert second.metric("deepsentry_notifications_total", target="mine", outcome="accepted") >= 2
    assert stream.stored(topics.REJECTED.name) == []


async def test_what_a_target_refuses_lands_in_the_rejected_topic_with_the_reason(stream: Stream) -> None:
    async with receiving() as receiver:
        stream.work(
            "alert",
            DEEPSENTRY_ALERTS__TARGETS__MINE__KIND="webhook",
            DEEPSENTRY_ALERTS__TARGETS__MINE__URL=receiver.url,
        )
        publish(stream, [anomaly("a-0")])
        await awaited(lambda: stream.stored(topics.REJECTED.name))
        assert receiver.received == []
    [rejected] = stream.stored(topics.REJECTED.name)
    headers = {name.removeprefix("__deepsentry.errors."): value.decode() for name, value in rejected.headers}
    assert (headers["reason"], headers["stage"]) == ("undeliverable", "notify:mine")
    assert "allow_private" in headers["exception.message"]
    assert wire.decode(Alert, rejected.value).anomaly.id == "a-0"


async def test_a_target_that_was_away_for_too_long_hears_of_what_still_fires_when_it_is_back(stream: Stream) -> None:
    away = True

    def judge(_: Received) -> web.Response:
        return web.Response(status=503 if away else 200)

    async with receiving(judge=judge) as receiver:
        worker = stream.work(
            "alert",
            DEEPSENTRY_ALERTS__QUIET="30",
            DEEPSENTRY_ALERTS__TARGETS__MINE__KIND="webhook",
            DEEPSENTRY_ALERTS__TARGETS__MINE__URL=receiver.url,
            DEEPSENTRY_ALERTS__TARGETS__MINE__SECRET=SECRET,
            DEEPSENTRY_ALERTS__TARGETS__MINE__ALLOW_PRIVATE="true",
            DEEPSENTRY_ALERTS__TARGETS__MINE__PATIENCE="0",
        )
        publish(stream, [anomaly("a-0")])
        await awaited(lambda: stream.stored(topics.REJECTED.name))
        away = False
        receiver.received.clear()
        publish(stream, [anomaly("a-1")])
        await awaited(lambda: receiver.received)
        assert told(receiver.received) == {(anomaly().fingerprint, "opened"): 1}
        assert worker.metric("deepsentry_notifications_total", target="mine", outcome="failed") == 1
    assert len(stream.stored(topics.REJECTED.name)) == 1


async def test_a_webhook_gets_what_stood_around_and_the_topic_holds_cloud_events_of_their_schema(
    stream: Stream,
) -> None:
    at = time.time()
    entries = [
        CleanEntry(Position(topics.RAW.name, 0, n), at - 9 + n, text, f"s{n}", host="web-9", service="checkout")
        for n, text in enumerate(["pool exhausted", "payment declined for order 81"])
    ]
    stream.publish_clean(entries)
    [odd] = [record for record, entry in stream.clean_records() if entry.raw.offset == 1]
    clean = Position(topics.CLEAN.name, odd.partition, odd.offset)
    line = Line(clean, entries[1].raw, at - 8, entries[1].message, deviates=True)
    async with receiving() as receiver:
        stream.work(
            "alert",
            DEEPSENTRY_ALERTS__TARGETS__MINE__KIND="webhook",
            DEEPSENTRY_ALERTS__TARGETS__MINE__URL=receiver.url,
            DEEPSENTRY_ALERTS__TARGETS__MINE__ALLOW_PRIVATE="true",
        )
        strange = anomaly("a-0", lines=(line,), positions=(odd.offset,), partition=odd.partition)
        publish(stream, [strange])
        await awaited(lambda: receiver.received)
    event = wire.from_json(receiver.received[0].body)
    assert [each["message"] for each in event["data"]["context"]["lines"]] == ["pool exhausted"]
    assert sum(event["data"]["context"]["histogram"]) == 1
    demand_valid(stream, topics.ALERTS)


async def test_targets_that_are_deaf_busy_or_refuse_keep_nothing_from_the_others(stream: Stream) -> None:
    problems = 12
    busy_answers = iter([web.Response(status=429, headers={"Retry-After": "1"})] * 3)
    async with (
        receiving() as ear,
        receiving(None) as deaf,
        receiving(web.Response(status=400)) as refusing,
        receiving(judge=lambda _: next(busy_answers, web.Response())) as busy,
    ):
        targets = {"ear": ear, "deaf": deaf, "refusing": refusing, "busy": busy}
        environment = {
            f"DEEPSENTRY_ALERTS__TARGETS__{name.upper()}__{key}": value
            for name, receiver in targets.items()
            for key, value in {
                "KIND": "webhook",
                "URL": receiver.url,
                "SECRET": SECRET,
                "ALLOW_PRIVATE": "true",
                "TIMEOUT": "1",
            }.items()
        }
        worker = stream.work(
            "alert", DEEPSENTRY_ALERTS__QUIET="1000", DEEPSENTRY_ALERTS__INCIDENT_AFTER="0", **environment
        )
        publish(stream, (anomaly(f"a-{n}", fingerprint=f"{n:016x}") for n in range(problems)))
        wanted = {(f"{n:016x}", "opened"): 1 for n in range(problems)}
        await awaited(lambda: told(ear.received) == wanted)
        await awaited(lambda: told(busy.received) == wanted)
        await awaited(lambda: len(stream.stored(topics.REJECTED.name)) == problems)
        assert len(ear.received) == problems
        assert len(refusing.received) == problems
        assert len(told(deaf.received)) == 1, "it is still told of the first, under the same key"
        await awaited(lambda: worker.metric("deepsentry_notification_lag", target="deaf") >= problems - 1)
        assert worker.metric("deepsentry_notifications_total", target="refusing", outcome="failed") == problems
