from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepsentry import feedback
from deepsentry.events import Alert, Anomaly, Judgement, Shape, Verdict, ViewScore
from streams.alerts.fingerprint import fingerprint
from streams.alerts.judged import Judged
from streams.alerts.lifecycle import observe, tick
from streams.alerts.policy import Policy
from streams.alerts.state import Alerts
from tests.unit.streams.alerts.builders import EXPLANATION, START, anomaly

LATER = START + timedelta(minutes=1)
TEXTS = ("GET <*>", "cart changed", "payment declined for order <*>", "answered")


def strange(name: str = "a1", lines: Sequence[int] = (0, 1, 1, 2, 3), **changes: Any) -> Anomaly:
    return anomaly(name, **{"shape": Shape(TEXTS, tuple(lines)), **changes})


def said(judged: Anomaly, judgement: Judgement = "false_alarm", **changes: Any) -> Verdict:
    verdict = feedback.verdict_on(judged, judgement, "kim", START)
    return msgspec.structs.replace(verdict, **changes)


def told(verdicts: Sequence[Verdict], of: Anomaly, *, minutes: float = 1, days: float = 30) -> bool:
    _, [update] = observe(Alerts(Policy()), of, START + timedelta(minutes=minutes), [Judged(verdicts, days)])
    return update.alert.status != "suppressed"


def test_the_same_again_is_kept_from_people_and_says_who_said_so() -> None:
    state, [update] = observe(
        Alerts(Policy()), strange("a2"), LATER, [Judged([said(strange(), note="a load test")], 30)]
    )
    assert update.alert.status == "suppressed"
    assert update.alert.silence == "verdict-a1"
    assert "kim" in update.alert.reason
    assert "a load test" in update.alert.reason
    assert update.occasion is None
    assert len(state.groups) == 1


OTHER_VIEWS = msgspec.structs.replace(EXPLANATION, views=(ViewScore("sequence", 3.0), ViewScore("novelty", 2.0)))
OTHER_TEMPLATE = msgspec.structs.replace(EXPLANATION, template="cart changed")
OTHER_PLACE = msgspec.structs.replace(EXPLANATION, deviation=1)


@pytest.mark.parametrize(
    "changes",
    [
        {"service": "billing"},
        {"complete": False},
        {"kind": "window"},
        {"explanation": OTHER_VIEWS},
        {"explanation": OTHER_TEMPLATE},
        {"explanation": OTHER_PLACE},
        {"lines": (0, 1, 2, 3)},
        {"lines": (0, 2, 3)},
        {"shape": Shape((*TEXTS, "disk full"), (0, 1, 1, 2, 3, 4))},
        {"shape": None},
    ],
    ids=str,
)
def test_what_differs_in_any_way_is_told(changes: dict[str, Any]) -> None:
    assert told([said(strange())], strange("a2", **changes))


def test_the_same_lines_with_two_stages_exchanged_are_told() -> None:
    counts = msgspec.structs.replace(EXPLANATION, views=(ViewScore("profile", 2.0),))
    judged = strange(lines=(0, 0, 1, 1, 2, 3), explanation=counts)
    assert told([said(judged)], strange("a2", lines=(0, 2, 3, 0, 1, 1), explanation=counts))
    assert not told([said(judged)], strange("a2", lines=(0, 1, 0, 1, 2, 3), explanation=counts))


def test_a_long_run_may_be_a_little_longer() -> None:
    many = (0, *[1] * 100, 2, 3)
    assert not told([said(strange(lines=many))], strange("a2", lines=(0, *[1] * 103, 2, 3)))
    assert told([said(strange(lines=many))], strange("a2", lines=(0, *[1] * 200, 2, 3)))


def test_a_true_verdict_silences_nothing_and_forbids_that_others_like_it_are_silenced() -> None:
    assert told([said(strange(), "true")], strange("a2"))
    assert told([said(strange()), said(strange("a3"), "true")], strange("a2"))


def test_a_false_alarm_counts_for_its_days() -> None:
    verdicts = [said(strange())]
    assert not told(verdicts, strange("a2"), minutes=24 * 60 - 1, days=1)
    assert told(verdicts, strange("a2"), minutes=24 * 60, days=1)


def test_a_verdict_on_an_alert_ends_it_and_one_on_an_anomaly_among_others_does_not() -> None:
    state, [opened] = observe(Alerts(Policy()), strange(), START)
    state, _ = observe(state, strange("a2", lines=(0, 2, 3)), START)
    assert tick(state, LATER, [Judged([said(strange())], 30)])[1] == []
    whole = said(strange(), alert=opened.alert.id)
    _, [over] = tick(state, LATER, [Judged([whole], 30)])
    assert (over.alert.status, over.alert.silence) == ("resolved", "verdict-a1")


def test_an_alert_of_the_one_anomaly_that_was_judged_ends() -> None:
    state, _ = observe(Alerts(Policy()), strange(), START)
    _, [over] = tick(state, LATER, [Judged([said(strange())], 30)])
    assert over.occasion == "resolved"


LINES = st.lists(st.integers(0, 3), min_size=1, max_size=6).map(tuple)
ANOMALIES = st.builds(
    lambda name, lines, service: strange(f"j{name}", lines=lines, service=service),
    st.integers(0, 30),
    LINES,
    st.sampled_from(["checkout", "billing"]),
)
VERDICTS = st.lists(st.builds(said, ANOMALIES, st.sampled_from(["true", "false_alarm"])), max_size=8)


def outcome(verdicts: Sequence[Verdict], probes: Sequence[Anomaly]) -> list[bool]:
    newest = feedback.written((feedback.key_of(v), feedback.wire.encode(v)) for v in verdicts)
    return [told(list(newest.values()), each) for each in probes]


@settings(deadline=None)
@given(VERDICTS, st.lists(ANOMALIES, max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_verdicts_does_not_matter(verdicts: list[Verdict], probes: list[Anomaly], random: Any) -> None:
    once = list({v.anomaly: v for v in verdicts}.values())
    shuffled = random.sample(once, len(once))
    assert outcome(once, probes) == outcome(shuffled, probes)


@settings(deadline=None)
@given(VERDICTS, ANOMALIES, st.sampled_from(["true", "false_alarm"]), st.lists(ANOMALIES, max_size=4))
def test_withdrawing_undoes_exactly(
    verdicts: list[Verdict], judged: Anomaly, judgement: Judgement, probes: list[Anomaly]
) -> None:
    before = [v for v in verdicts if v.anomaly != judged.id]
    given_ = said(judged, judgement)
    gone = feedback.withdrawn(given_, "ann", LATER)
    assert outcome([*before, given_, gone], probes) == outcome(before, probes)


def test_what_was_withdrawn_forgets_what_was_judged_and_names_both() -> None:
    gone = feedback.withdrawn(said(strange()), "ann", LATER)
    assert (gone.by, gone.withdrawn_by, gone.judged, gone.withdrawn) == ("kim", "ann", None, True)


def test_a_verdict_keeps_no_line_of_the_log() -> None:
    verdict = said(strange())
    assert verdict.judged is not None
    assert (verdict.judged.lines, verdict.judged.positions) == ((), ())


def test_the_fingerprint_is_wider_than_the_kind() -> None:
    one, other = strange(), strange("a2", lines=(0, 2, 3))
    template = one.explanation.template
    assert fingerprint(one.service, one.view, template) == fingerprint(other.service, other.view, template)
    assert told([said(one)], other)


def test_without_verdicts_every_alert_is_told() -> None:
    assert told([], strange())
    judged = Judged([], 30)
    assert len(judged) == 0
    assert isinstance(observe(Alerts(Policy()), strange(), START, [judged])[1][0].alert, Alert)
