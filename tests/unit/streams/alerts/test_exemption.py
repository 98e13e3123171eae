from datetime import UTC, datetime, timedelta

import pytest

from deepsentry import handling
from deepsentry.errors import SettingsError
from deepsentry.events import Anomaly, Silence
from streams.alerts.exemption import Exemption, Exemptions, declared
from streams.alerts.lifecycle import observe, tick
from streams.alerts.policy import Policy
from streams.alerts.state import Alerts, key_of
from tests.unit.streams.alerts.builders import START, anomaly

POLICY = Policy()


def silence(**changes: object) -> Exemption:
    usual = {"id": "s1", "owner": "kim", "reason": "known", "created_at": START, "until": START + timedelta(hours=1)}
    return Exemption.of(Silence(**{**usual, **changes}))


def covers(exemption: Exemption, strange: Anomaly, seconds: float = 1.0) -> bool:
    now = START + timedelta(seconds=seconds)
    _, [update] = observe(Alerts(POLICY), strange, now, [exemption])
    _, [among_others] = observe(Alerts(POLICY), strange, now, [Exemptions([silence(fingerprint="other"), exemption])])
    assert among_others == update
    assert (update.alert.status == "suppressed") == (update.alert.silence == "s1")
    return update.alert.status == "suppressed"


@pytest.mark.parametrize(
    ("scope", "held"),
    [
        ({}, True),
        ({"fingerprint": anomaly().fingerprint}, True),
        ({"fingerprint": "another"}, False),
        ({"template": "payment declined for order <*>"}, True),
        ({"template": "payment"}, False),
        ({"match": ("service=checkout", 'host=~"web-.*"')}, True),
        ({"match": ("service=checkout", "host=db-1")}, False),
        ({"match": ("view=sequence",), "fingerprint": "another"}, False),
    ],
)
def test_what_is_given_must_hold_altogether(scope: dict[str, object], held: bool) -> None:  # noqa: FBT001
    assert covers(silence(**scope), anomaly()) is held


def test_a_silence_holds_in_its_time_only() -> None:
    window = silence(begin=START + timedelta(seconds=100), until=START + timedelta(seconds=200))
    assert [covers(window, anomaly(), at) for at in (99, 100, 199, 200)] == [False, True, True, False]


def test_a_suppressed_alert_counts_and_says_why_and_nobody_is_told() -> None:
    state, first = observe(Alerts(POLICY), anomaly("a1"), START, [silence()])
    state, second = observe(state, anomaly("a2"), START, [silence()])
    state, again = observe(state, anomaly("a1"), START, [silence()])
    [update] = second
    assert (update.alert.status, update.alert.count, update.alert.reason) == ("suppressed", 2, "known")
    assert update.alert.id == first[0].alert.id
    assert update.occasion is None
    assert again == []


def test_what_comes_after_a_silence_is_a_new_alert() -> None:
    state, [suppressed] = observe(Alerts(POLICY), anomaly("a1"), START, [silence()])
    _, [opened] = observe(state, anomaly("a2"), START + timedelta(hours=1), [silence()])
    assert (opened.occasion, opened.alert.count) == ("opened", 1)
    assert opened.alert.id != suppressed.alert.id
    assert key_of(opened.alert) != key_of(suppressed.alert), "neither takes the place of the other on the topic"


def test_an_alert_that_is_silenced_while_it_fires_is_told_to_be_over() -> None:
    state, _ = observe(Alerts(POLICY), anomaly("a1"), START)
    state, [over] = tick(state, START + timedelta(seconds=1), [silence()])
    assert (over.occasion, over.alert.status, over.alert.reason) == ("resolved", "resolved", "known")
    _, [more] = observe(state, anomaly("a2"), START + timedelta(seconds=2), [silence()])
    assert more.alert.status == "suppressed"


def test_an_alert_of_several_hosts_goes_on_where_one_of_them_is_silenced() -> None:
    one = silence(match=("host=web-1",))
    state, _ = observe(Alerts(POLICY), anomaly("a1", host="web-1"), START)
    state, _ = observe(state, anomaly("a2", host="web-2"), START)
    assert tick(state, START, [one])[1] == []
    both = silence(match=("host=~web-[12]",))
    assert len(tick(state, START, [both])[1]) == 1


def test_what_the_settings_declare_is_a_silence_with_an_id_of_its_words() -> None:
    until = datetime(2999, 1, 1, tzinfo=UTC)
    words = [handling.Silence(owner="kim", reason="load test", until=until, match=("service=checkout",))]
    [once], [again] = declared(words), declared(words)
    assert once == again
    assert (once.owner, once.source) == ("kim", "settings")
    state = observe(Alerts(POLICY), anomaly(), START, [Exemption.of(once)])[0]
    assert [alert.status for alert in state.groups.values()] == ["suppressed"]


def test_a_condition_that_is_none_is_said() -> None:
    with pytest.raises(SettingsError, match="silence s1: match"):
        silence(match=("servce=checkout",))
