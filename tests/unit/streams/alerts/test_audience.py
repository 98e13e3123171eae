from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from deepsentry.events import Alert
from streams.alerts.audience import Audience, hear, missed
from streams.alerts.lifecycle import observe, tick
from streams.alerts.notice import Occasion
from streams.alerts.policy import Policy
from streams.alerts.state import Alerts
from tests.unit.streams.alerts.builders import START, anomaly

SEVERITIES = ("info", "warning", "error", "critical")


def life(*severities: str) -> list[Alert]:
    """Return what the topic gets of one alert that takes anomalies of these severities, and resolves."""
    state, told = Alerts(Policy()), []
    now = START
    for number, severity in enumerate(severities):
        now = START + timedelta(seconds=number)
        state, updates = observe(state, anomaly(f"a{number}", severity=severity), now)
        told += [update.alert for update in updates]
    _, updates = tick(state, now + timedelta(hours=2))
    return told + [update.alert for update in updates]


def heard(alerts: list[Alert], *wanted: str) -> list[Occasion | None]:
    audience = Audience(Alerts(Policy()))
    occasions = []
    for each in alerts:
        audience, occasion = hear(audience, each, lambda alert: alert.severity in wanted)
        occasions.append(occasion)
    return occasions


def test_a_target_hears_what_its_routes_lead_to_it() -> None:
    assert heard(life("warning", "warning"), "warning") == ["opened", None, "resolved"]
    assert heard(life("warning", "warning"), "critical") == [None, None, None]


def test_one_to_whom_it_comes_while_it_fires_hears_that_it_opened() -> None:
    assert heard(life("warning", "critical", "critical"), "critical") == [None, "opened", None, "resolved"]


def test_one_that_could_not_be_told_hears_of_it_when_it_changes() -> None:
    first, second, over = life("warning", "warning")
    audience, occasion = hear(Audience(Alerts(Policy())), first, lambda _: True)
    assert occasion == "opened"
    audience, occasion = hear(missed(audience, first), second, lambda _: True)
    assert occasion == "opened"
    assert hear(audience, over, lambda _: True)[1] == "resolved"


def test_nor_does_it_hear_the_end_of_what_it_could_not_be_told() -> None:
    first, _, over = life("warning", "warning")
    audience, _ = hear(Audience(Alerts(Policy())), first, lambda _: True)
    assert hear(missed(audience, first), over, lambda _: True)[1] is None


def test_one_that_was_told_hears_the_end_though_the_alert_left_its_route() -> None:
    assert heard(life("warning", "critical"), "warning") == ["opened", None, "resolved"]


def test_what_still_fires_is_what_it_was_told_of() -> None:
    audience = Audience(Alerts(Policy()))
    alerts = life("warning", "critical")
    for each in alerts[:-1]:
        audience, _ = hear(audience, each, lambda alert: alert.severity == "critical")
    assert [alert.severity for alert in audience.firing()] == ["critical"]
    audience, _ = hear(audience, alerts[-1], lambda _: True)
    assert audience.firing() == []


@given(st.lists(st.sampled_from(SEVERITIES), min_size=1, max_size=6), st.sets(st.sampled_from(SEVERITIES)))
def test_whoever_is_told_that_it_opened_is_told_once_that_it_is_over(severities: list[str], wanted: set[str]) -> None:
    occasions = heard(life(*severities), *wanted)
    told = [occasion for occasion in occasions if occasion]
    assert told.count("resolved") == (1 if told else 0)
    assert (told[-1] if told else "resolved") == "resolved"


def test_what_is_remembered_is_bounded() -> None:
    audience = Audience(Alerts(Policy(max_open=3)))
    for number in range(100):
        now: datetime = START + timedelta(hours=number)
        state, updates = observe(audience.state, anomaly(f"a{number}", fingerprint=f"f{number}"), now)
        for update in updates:
            audience, _ = hear(audience, update.alert, lambda _: True)
        _, ended = tick(state, now + timedelta(minutes=50))
        for update in ended:
            audience, _ = hear(audience, update.alert, lambda _: True)
    assert len(audience.told) <= 2 * len(audience.state.groups) + 1
