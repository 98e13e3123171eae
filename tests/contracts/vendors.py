"""What receivers of alerts demand, as their vendors publish it, and what they would understand of a notice."""

import email.policy
import json
import re
import unicodedata
from dataclasses import dataclass
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any, Literal

from streams.alerts.visible import ESCAPED
from tests.unit.streams.alerts.receiver import Received

Status = Literal["firing", "resolved"]
LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")
RFC5424 = re.compile(
    rb"<(\d{1,3})>1 (\S+) ([!-~]{1,255}) ([!-~]{1,48}) ([!-~]{1,128}) ([!-~]{1,32}) "
    rb'(\[[^ =\]"]{1,32}(?: [^ =\]"]{1,32}="(?:[^"\\\]]|\\["\\\]])*")*\]) (\xef\xbb\xbf)?(.*)',
    re.DOTALL,
)


@dataclass(frozen=True)
class Told:
    """One message as its receiver understood it."""

    status: Status
    key: str
    """What tells the receiver that it had this one already."""
    text: str
    """All that a person may see of it."""


def harmless(text: str) -> None:
    """Demand that nothing in `text` but line ends moves, hides or turns text."""
    odd = {unicodedata.category(character) for character in text if character not in "\r\n"}
    assert not odd & ESCAPED, odd & ESCAPED


def texts(value: object) -> list[str]:
    match value:
        case str():
            return [value]
        case dict():
            return [text for key, item in value.items() for text in (*texts(key), *texts(item))]
        case list():
            return [text for item in value for text in texts(item)]
        case _:
            return []


def webhook(received: Received) -> Told:
    """CloudEvents 1.0, structured mode; the HTTP Idempotency-Key draft."""
    event = json.loads(received.body)
    assert len(received.body) <= 65_536
    assert event["specversion"] == "1.0"
    assert event["source"]
    assert received.headers["Content-Type"].startswith("application/cloudevents+json")
    assert received.headers["Idempotency-Key"] == f'"{event["id"]}"'
    assert TIME.fullmatch(event["time"])
    return Told(event["data"]["status"], event["id"], "")


def pagerduty(received: Received) -> Told:
    """PagerDuty, Events API v2."""
    event = json.loads(received.body)
    assert len(received.body) <= 524_288
    assert len(event["routing_key"]) == 32
    assert 0 < len(event["dedup_key"]) <= 255
    if event["event_action"] == "resolve":
        return Told("resolved", event["dedup_key"], "")
    assert event["event_action"] == "trigger"
    payload = event["payload"]
    assert set(payload) <= {
        "summary",
        "source",
        "severity",
        "timestamp",
        "component",
        "group",
        "class",
        "custom_details",
    }
    assert 0 < len(payload["summary"]) <= 1024
    assert payload["source"]
    assert payload["severity"] in {"critical", "error", "warning", "info"}
    assert TIME.fullmatch(payload["timestamp"])
    shown = "\n".join(texts(payload))
    harmless(shown)
    return Told("firing", event["dedup_key"], shown)


def slack(message: dict[str, Any]) -> Told:
    """Slack's Block Kit and its limits."""
    blocks = message["blocks"]
    assert 0 < len(blocks) <= 50
    assert message["text"]
    for block in blocks:
        match block["type"]:
            case "header":
                assert block["text"]["type"] == "plain_text"
                slack_text(block["text"], 150)
            case "section":
                for field in block.get("fields", []):
                    slack_text(field, 2000)
                assert len(block.get("fields", [])) <= 10
                if "text" in block:
                    slack_text(block["text"], 3000)
                assert "text" in block or block["fields"]
            case "context":
                assert 0 < len(block["elements"]) <= 10
                for element in block["elements"]:
                    slack_text(element, 2000)
            case "actions":
                [button] = block["elements"]
                slack_text(button["text"], 75)
                assert len(button["url"]) <= 3000
                assert len(button["action_id"]) <= 255
            case other:
                raise AssertionError(other)
    shown = [text for block in blocks for text in texts(block)]
    assert sum(map(len, shown)) <= 13_200
    whole = "\n".join([message["text"], *shown])
    harmless(whole)
    found = re.search(r"key (\S+)", whole)
    assert found
    resolved = "resolved (" in message["text"]
    return Told("resolved" if resolved else "firing", found[1], whole)


def slack_text(text: dict[str, Any], limit: int) -> None:
    assert text["type"] in {"plain_text", "mrkdwn"}
    assert 0 < len(text["text"].encode("utf-16-le")) // 2 <= limit
    assert not re.search(r"[<>]|&(?!(amp|lt|gt);)", text["text"]), "a control sequence of mrkdwn, or a cut entity"
    if text["type"] == "mrkdwn":
        inside = text["text"].removeprefix("```\n").removesuffix("\n```")
        assert text["verbatim"]
        assert text["text"] == f"```\n{inside}\n```"
        assert "`" not in inside, "log text could end the place in which nothing is formatted"
    else:
        assert text["emoji"] is False


def alertmanager(received: Received) -> Told:
    """Alertmanager, API v2: postableAlerts; the first is the one that is told."""
    alerts = json.loads(received.body)
    found = []
    for alert in alerts:
        assert set(alert) <= {"labels", "annotations", "startsAt", "endsAt", "generatorURL"}
        assert alert["labels"]["alertname"]
        for name, value in (*alert["labels"].items(), *alert["annotations"].items()):
            assert LABEL.fullmatch(name)
            assert value
        assert not {"score", "count", "line", "lines"} & set(alert["labels"])
        assert TIME.fullmatch(alert["startsAt"])
        assert TIME.fullmatch(alert["endsAt"])
        assert alert["startsAt"] < alert["endsAt"]
        harmless("\n".join(texts(alert)))
        status: Status = "firing" if alert["annotations"] else "resolved"
        found.append(Told(status, json.dumps(alert["labels"], sort_keys=True), "\n".join(texts(alert))))
    return found[0]


def letter(data: bytes) -> Told:
    """RFC 5322 and MIME."""
    assert max(map(len, data.split(b"\r\n"))) <= 998
    message = BytesParser(policy=email.policy.default).parsebytes(data)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    assert {"From", "To", "Subject", "Date", "Message-ID", "References"} <= set(message.keys())
    plain, page = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert page is not None
    shown = f"{message['Subject']}\n{plain.get_content()}"
    harmless(shown)
    harmless(page.get_content())
    assert len(page.get_content().encode()) <= 102_400  # beyond that Gmail shows a part
    for image in (part for part in message.walk() if part.get_content_maintype() == "image"):
        content = image.get_content()
        assert content.startswith(b"\x89PNG")
        assert len(content) <= 120_000
        assert f"cid:{image['Content-ID'].strip('<>')}" in page.get_content()
    status: Status = "resolved" if re.search(r"  resolved\r?$", plain.get_content(), re.MULTILINE) else "firing"
    return Told(status, message["Message-ID"], shown)


def syslog(message: bytes, limit: int) -> Told:
    """RFC 5424."""
    assert len(message) <= limit
    found = RFC5424.fullmatch(message)
    assert found, message
    assert int(found[1]) <= 191
    assert TIME.fullmatch(found[2].decode())
    assert found[8] or found[9].isascii()
    shown = f"{found[7].decode()} {found[9].decode()}"
    harmless(shown)
    assert "\n" not in shown
    key = re.search(r'key="([^"]+)"', shown)
    assert key
    return Told("resolved" if int(found[1]) % 8 == 5 else "firing", key[1], shown)
