"""How each channel renders: reviewed examples, and limits in the channel's own unit."""

import email.policy
import json
import re
from datetime import timedelta
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepsentry import wire
from streams.alerts.notice import Notice, Occasion
from streams.alerts.notifiers import alertmanager, blocks, cloudevent, letter, pagerduty, syslog
from tests.contracts import vendors
from tests.unit.streams.alerts.builders import START, alert, anomaly, hostile, line
from tests.unit.streams.alerts.receiver import Received

GOLDEN = Path(__file__).parent / "golden"
ROUTING_KEY = "0123456789abcdef" * 2


def shown(notice: Notice, channel: str) -> str:
    """Return what goes out, as a person reviews it."""
    match channel:
        case "slack":
            return pretty(blocks.message(notice))
        case "pagerduty":
            return pretty(pagerduty.event(notice, ROUTING_KEY, "/deepsentry"))
        case "alertmanager":
            return pretty(alertmanager.firing(notice.alert, START + timedelta(minutes=4)))
        case "webhook":
            return pretty(json.loads(cloudevent.encode(notice, "/deepsentry")))
        case "syslog":
            return syslog.message(notice, 16, "worker-1", 2048).decode() + "\n"
        case _:
            return sent(notice).decode().replace("\r\n", "\n")


def pretty(value: object) -> str:
    return wire.pretty(value) + "\n"


def sent(notice: Notice, image: bytes = b"") -> bytes:
    """Return the letter as it goes over the wire, the boundaries of its parts made the same each time."""
    data = letter.compose(notice, "deepsentry@example.org", ("oncall@example.org",), image).as_bytes()
    return re.sub(rb"={10,}\d+==", b"=====boundary==", data)


CHANNELS = ("slack", "pagerduty", "alertmanager", "webhook", "syslog", "email")


@pytest.mark.parametrize("channel", CHANNELS)
def test_an_alert_looks_on_each_channel_as_reviewed(channel: str) -> None:
    assert shown(alert(), channel) == (GOLDEN / f"channel_{channel}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("channel", ["slack", "syslog", "email"])
def test_hostile_text_looks_on_each_channel_as_reviewed(channel: str) -> None:
    assert shown(hostile(), channel) == (GOLDEN / f"channel_{channel}_hostile.txt").read_text(encoding="utf-8")


# the wire refuses what UTF-8 cannot say, so no event holds it
ANY = st.text(alphabet=st.characters(codec="utf-8"), max_size=60) | st.sampled_from(
    [
        "<!channel> <@U1> <https://evil.example|safe>",
        "```\n*out*",
        '"] [x@1 a="b',
        "]\\",
        "&amp;",
        "a" * 100_000,
        "\n<13>1 ",
    ]
)


@st.composite
def notices(draw: st.DrawFn) -> Notice:
    text = draw(ANY)
    occasion: Occasion = draw(st.sampled_from(["opened", "escalated", "repeated", "resolved"]))
    explanation = msgspec.structs.replace(anomaly().explanation, summary=text, template=text)
    lines = tuple(line(draw(ANY), number, deviates=number == 1) for number in range(draw(st.integers(0, 3))))
    strange = anomaly(host=draw(ANY), service=draw(ANY), sequence=text, explanation=explanation, lines=lines)
    first = alert("resolved" if occasion == "resolved" else "opened", strange)
    return Notice(first.alert, occasion)


@given(notices())
def test_whatever_the_log_says_each_channel_gets_what_it_takes(notice: Notice) -> None:
    vendors.slack(blocks.message(notice))
    vendors.pagerduty(received(pagerduty.event(notice, ROUTING_KEY, "/deepsentry")))
    vendors.alertmanager(received([alertmanager.firing(notice.alert, START + timedelta(minutes=4))]))
    vendors.letter(sent(notice))
    for limit in (480, 2048, 8192):
        vendors.syslog(syslog.message(notice, 16, "worker-1", limit), limit)


def received(body: Any) -> Received:
    return Received({}, wire.encode(body))


@given(ANY, st.integers(10, 200))
def test_text_for_slack_is_cut_between_entities_and_within_its_limit(text: str, limit: int) -> None:
    cut = blocks.escaped(text.encode(errors="replace").decode(), limit)
    assert len(cut.encode("utf-16-le")) // 2 <= limit
    assert not re.search(r"[<>]|&(?!(amp|lt|gt);)", cut)


@given(st.text(), st.integers(480, 2048))
def test_a_syslog_message_keeps_its_key_whatever_is_cut(text: str, limit: int) -> None:
    notice = alert("opened", anomaly(service=text, host=text))
    assert vendors.syslog(syslog.message(notice, 16, text, limit), limit).key == notice.key


@pytest.mark.parametrize(("severity", "priority"), [("critical", 130), ("error", 131), ("warning", 132), ("info", 134)])
def test_a_severity_is_that_of_syslog(severity: str, priority: int) -> None:
    notice = alert("opened", anomaly(severity=severity))
    assert syslog.message(notice, 16, "h", 2048).startswith(b"<%d>1 " % priority)


def test_text_that_is_not_ascii_is_marked_as_utf_8() -> None:
    assert b"] \xef\xbb\xbf" in syslog.message(alert("opened", anomaly(service="кассе")), 16, "h", 2048)


def test_letters_of_one_problem_are_one_thread_and_each_has_its_own_id() -> None:
    opened, resolved = alert(), alert("resolved")
    found = [BytesParser(policy=email.policy.default).parsebytes(sent(each)) for each in (opened, resolved, opened)]
    assert len({each["References"] for each in found}) == 1
    assert len({each["Subject"] for each in found}) == 1
    assert found[0]["Message-ID"] == found[2]["Message-ID"] != found[1]["Message-ID"]


def test_a_letter_can_carry_the_plot_inline() -> None:
    told = vendors.letter(sent(alert(), b"\x89PNG\r\n\x1a\n"))
    assert told.status == "firing"


def test_what_identifies_an_alert_for_alertmanager_does_not_change_while_it_grows() -> None:
    small, large = alert(), alert("opened", anomaly(), anomaly("a2", host="web-9", score=9.0))
    assert alertmanager.labels(small.alert, "error") == alertmanager.labels(large.alert, "error")


def test_an_alert_whose_log_is_ahead_of_our_clock_does_not_end_before_it_starts() -> None:
    [over] = alertmanager.over(alert().alert, ["warning"], START - timedelta(hours=1))
    assert over["startsAt"] < over["endsAt"]
