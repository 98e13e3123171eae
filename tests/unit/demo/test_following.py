"""Anomalies are shown with their alerts, once each."""

from hypothesis import given
from hypothesis import strategies as st

from deepsentry.demo.following import Pairing, Told
from deepsentry.events import Alert, Anomaly
from tests.unit.streams.alerts.builders import alert, anomaly

ONE, TWO = anomaly("a1"), anomaly("a2")
OPENED = alert("opened", ONE).alert
GROWN = alert("opened", ONE, TWO).alert


def told(*events: Anomaly | Alert) -> list[Told]:
    pairing = Pairing()
    return [each for event in events for each in pairing.take(event)]


def test_an_alert_is_told_when_its_anomaly_is_known() -> None:
    assert told(ONE, OPENED) == [Told(OPENED, ONE)]


def test_an_alert_that_comes_first_waits_for_its_anomaly() -> None:
    assert told(OPENED) == []
    assert told(OPENED, ONE) == [Told(OPENED, ONE)]


def test_an_alert_that_grows_is_told_with_the_new_anomaly_only() -> None:
    assert told(ONE, OPENED, TWO, GROWN) == [Told(OPENED, ONE), Told(GROWN, TWO)]


def test_an_anomaly_without_an_alert_is_kept_but_not_told() -> None:
    pairing = Pairing()
    assert list(pairing.take(ONE)) == []
    assert pairing.anomalies == {"a1": ONE}


@given(st.permutations([ONE, TWO, OPENED, GROWN, GROWN, TWO]))
def test_every_anomaly_is_told_once_in_whatever_order_records_come(order: list[Anomaly | Alert]) -> None:
    assert sorted(each.anomaly.id for each in told(*order)) == ["a1", "a2"]
