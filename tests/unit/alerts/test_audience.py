from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from deepsentry.events import Alert
from streams.alerts.audience import Audience, hear
from streams.alerts.lifecycle import observe, tick
from streams.alerts.notice import Occasion
from streams.alerts.policy import Policy
from streams.alerts.state import Alerts
from tests.unit.alerts.builders import START, anomaly

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


def test_one_that_came_late_hears_of_the_escalation_that_led_to_it() -> None:
    assert heard(life("warning", "critical"), "critical") == [None, "escalated", "resolved"]


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
