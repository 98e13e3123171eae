"""What stood around an alert: near lines, how often, and what was like it."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepsentry import feedback, wire
from deepsentry.events import CleanEntry, Context, Position
from streams.alerts import around, surrounding
from streams.alerts.history import ALERTS, History
from streams.alerts.notice import Notice
from streams.alerts.notifiers import cloudevent, letter
from tests.unit.streams.alerts.builders import HOSTILE, START, alert, anomaly, hostile
from tests.unit.streams.alerts.test_channels import ANY

GOLDEN = Path(__file__).parent / "golden/letter_with_context.txt"
NOW = START.timestamp() + 0.25
"""When the deviating line of the usual anomaly was written."""


def entry(seconds: float, message: str = "cache refilled", offset: int = 0, **changes: Any) -> CleanEntry:
    raw = Position("deepsentry.logs.raw.v1", 1, offset)
    usual = CleanEntry(raw, NOW - seconds, message, "s", host="web-7", service="checkout", level="info")
    return msgspec.structs.replace(usual, **changes)


def around_alert(*entries: CleanEntry, history: History | None = None, whole: bool = True) -> Context:
    return surrounding.context(alert().alert, entries, history or History(), whole=whole)


def test_lines_of_the_service_or_the_host_in_the_five_minutes_before_stand_in_it_in_order() -> None:
    found = around_alert(
        entry(1, "b"),
        entry(299, "a"),
        entry(301, "too early"),
        entry(-1, "too late"),
        entry(1, "elsewhere", service="billing"),
        entry(0.5, "c", service="billing", host="web-1"),
    )
    assert [line.message for line in found.lines] == ["a", "b", "c"]
    assert (found.until - found.since, found.found) == (timedelta(minutes=5), 3)


def test_lines_of_the_sequence_itself_stand_in_the_alert_already() -> None:
    own = alert().alert.anomaly.lines[0]
    assert around_alert(entry(1, raw=own.raw)).lines == ()


def test_the_histogram_counts_lines_of_the_template_and_no_others() -> None:
    texts = ["payment declined for order 5", "payment  declined for order 77 of 9", "payment accepted for order 5"]
    found = around_alert(*(entry(n, text) for n, text in enumerate(texts)), entry(299, texts[0]))
    assert found.histogram == (1, *[0] * 18, 2)


def test_a_mark_of_redaction_is_any_token_of_its_kind() -> None:
    explanation = msgspec.structs.replace(anomaly().explanation, template="mail of <email> bounced: <*>")
    strange = alert("opened", anomaly(explanation=explanation)).alert
    lines = [entry(1, "mail of <email:3f9a> bounced: full (5)"), entry(1, "mail of kim bounced: full")]
    assert sum(surrounding.context(strange, lines, History(), whole=True).histogram) == 1


def test_where_a_line_is_missing_there_is_no_histogram() -> None:
    explanation = msgspec.structs.replace(anomaly().explanation, template="", deviation=None)
    strange = alert("opened", anomaly(explanation=explanation)).alert
    assert surrounding.context(strange, [entry(1)], History(), whole=True).histogram == ()


def test_earlier_alerts_are_named_with_what_was_said_of_them() -> None:
    history = History()
    same = alert("resolved", anomaly("a0")).alert
    elsewhere = alert("resolved", anomaly("b0", fingerprint="f" * 16, service="billing")).alert
    other = alert(
        "resolved",
        anomaly(
            "c0", fingerprint="e" * 16, explanation=msgspec.structs.replace(anomaly().explanation, template="another")
        ),
    ).alert
    for each in (elsewhere, same, same, other, alert().alert):
        history.take(each)
    history.judge(feedback.verdict_on(same.anomaly, "false_alarm", "kim", START, note="a test"))
    found = around_alert(history=history)
    assert [(past.alert, past.same, past.judgement) for past in found.past] == [
        (same.id, True, "false_alarm"),
        (elsewhere.id, False, None),
    ]
    assert found.alerts == 2
    assert "the same; a false alarm by kim: a test" in dict(around.facts(found))["earlier"]


def test_a_verdict_that_was_taken_back_is_not_named() -> None:
    history = History()
    history.take(alert("resolved", anomaly("a0")).alert)
    verdict = feedback.verdict_on(anomaly("a0"), "true", "kim", START)
    history.judge(verdict)
    history.judge(feedback.withdrawn(verdict, "kim", START))
    assert [past.judgement for past in around_alert(history=history).past] == [None]


def test_what_is_remembered_is_bounded() -> None:
    history = History()
    for number in range(ALERTS + 100):
        history.take(msgspec.structs.replace(alert().alert, id=f"{number:016}", fingerprint=f"f{number}"))
    assert history.past(msgspec.structs.replace(alert().alert, fingerprint="f0"))[0].alert == f"{ALERTS + 99:016}"
    assert len(history._told) == ALERTS


ENTRIES = st.lists(
    st.builds(entry, st.floats(-1e12, 1e12), ANY, st.integers(0, 9), host=ANY, service=st.just("checkout") | ANY),
    max_size=60,
)


@given(ENTRIES, ANY)
def test_whatever_the_log_says_a_context_is_bounded_and_harmless(entries: list[CleanEntry], template: str) -> None:
    explanation = msgspec.structs.replace(anomaly().explanation, template=template)
    strange = alert("opened", anomaly(explanation=explanation)).alert
    found = surrounding.context(strange, entries, History(), whole=False)
    assert len(wire.encode(found)) <= surrounding.LIMIT
    shown = [*around.before(found, 20), *(value for _, value in around.facts(found))]
    assert not any("\x1b" in text or "\u202e" in text for text in shown)


def test_a_context_of_hostile_lines_fits_a_webhook_and_a_letter() -> None:
    history = History()
    history.take(msgspec.structs.replace(hostile().alert, id="1", fingerprint=alert().alert.fingerprint))
    found = around_alert(*(entry(n, HOSTILE + "x" * 100_000, n) for n in range(100)), history=history)
    for strange in (alert().alert, hostile().alert):
        notice = Notice(strange, "opened", found)
        assert len(cloudevent.encode(notice, "/deepsentry")) <= cloudevent.LIMIT
        assert "minutes before" in letter.text(notice)
        assert "\x1b" not in letter.text(notice)


@pytest.mark.parametrize("timestamp", [1e300, -1e300, float("inf")])
def test_a_line_of_any_time_can_be_looked_around(timestamp: float) -> None:
    lines = tuple(msgspec.structs.replace(line, timestamp=timestamp) for line in anomaly().lines)
    surrounding.context(alert("opened", anomaly(lines=lines)).alert, [entry(1)], History(), whole=True)


def test_a_letter_with_its_context_looks_as_reviewed() -> None:
    history = History()
    past = alert("resolved", anomaly("a0", observed_at=START - timedelta(days=2))).alert
    history.take(past)
    history.judge(feedback.verdict_on(past.anomaly, "false_alarm", "kim", START, note="a drill"))
    found = around_alert(
        entry(200, "payment declined for order 7", 1),
        entry(90, "pool of connections is exhausted", 2, level="error"),
        entry(1, "payment declined for order 80", 3),
        history=history,
    )
    assert letter.text(Notice(alert().alert, "opened", found)) == GOLDEN.read_text(encoding="utf-8")
