"""Several problems of one service at once are one incident; a pause before the first notice lets it gather."""

from datetime import datetime, timedelta

from deepsentry.events import Alert, Anomaly
from streams.alerts.incident import incident_key
from streams.alerts.lifecycle import observe, tick
from streams.alerts.notice import Update
from streams.alerts.policy import Policy
from streams.alerts.state import Alerts
from tests.unit.streams.alerts.builders import START, anomaly

POLICY = Policy(group_wait=2, group_interval=60, incident_after=3, incident_window=100)
Step = tuple[float, Anomaly] | float


def lived(*steps: Step, policy: Policy = POLICY) -> list[Update]:
    """Observe each anomaly at its time; a time alone is a tick."""
    state, updates = Alerts(policy), list[Update]()
    for step in steps:
        match step:
            case (seconds, Anomaly() as strange):
                state, new = observe(state, strange, after(seconds))
            case seconds:
                state, new = tick(state, after(seconds))
        updates += new
    return updates


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def problem(number: int, **changes: object) -> Anomaly:
    return anomaly(f"a{number}", fingerprint=f"f{number}", **changes)


def told(updates: list[Update]) -> list[tuple[str, str]]:
    return [(update.alert.fingerprint, update.occasion) for update in updates if update.occasion]


def newest(updates: list[Update]) -> dict[str, Alert]:
    return {update.alert.fingerprint: update.alert for update in updates}


INCIDENT = incident_key("checkout")


def test_people_are_told_when_the_alert_has_gathered_what_comes_at_once() -> None:
    updates = lived((0, anomaly("a1")), (1, anomaly("a2", host="web-2")), 1.5, 2)
    assert [update.alert.status for update in updates] == ["pending", "pending", "firing"]
    [(_, occasion)] = told(updates)
    assert (occasion, updates[-1].alert.count) == ("opened", 2)


def test_three_problems_at_once_are_told_as_one_incident() -> None:
    updates = lived((0, problem(1)), (1, problem(2, score=9.0)), (1.5, problem(3, severity="error")), 2, 4)
    assert told(updates) == [(INCIDENT, "opened")]
    incident = newest(updates)[INCIDENT]
    assert (incident.members, incident.count, incident.severity) == (3, 3, "error")
    assert incident.anomaly.id == "a2", "the strangest"
    assert incident.title.startswith("checkout: 3 problems at once, the strangest: ")
    members = [alert for alert in newest(updates).values() if not alert.members]
    assert {alert.incident for alert in members} == {incident.id}
    assert {alert.id for alert in members} == set(incident.alerts)
    assert {alert.fingerprint for alert in members} == {"f1", "f2", "f3"}, "each keeps its own"


def test_problems_of_different_services_or_far_apart_are_no_incident() -> None:
    apart = lived((0, problem(1)), (90, problem(2)), (150, problem(3)), 152)
    others = lived(*((n, problem(n, service=f"s{n}")) for n in range(5)), 10)
    assert not any(update.alert.incident or update.alert.members for update in apart + others)
    assert len(told(others)) == 5


def test_what_joins_an_incident_is_told_with_it_after_the_group_interval() -> None:
    first = [(n / 4, problem(n)) for n in range(3)]
    updates = lived(*first, 3, (10, problem(7)), (20, problem(8)), 30, 62, 63, 64)
    assert told(updates) == [(INCIDENT, "opened"), (INCIDENT, "repeated")]
    assert newest(updates)[INCIDENT].told_members == 5


def test_a_worse_problem_in_an_incident_is_told_at_once() -> None:
    first = [(n / 4, problem(n)) for n in range(3)]
    updates = lived(*first, 3, (10, problem(7, severity="critical")))
    assert told(updates) == [(INCIDENT, "opened"), (INCIDENT, "escalated")]


def test_an_incident_and_what_was_told_before_it_resolve_and_are_told_to_be_over() -> None:
    updates = lived((0, problem(1)), 2, (10, problem(2)), (11, problem(3)), 13, 400)
    assert told(updates) == [("f1", "opened"), (INCIDENT, "opened"), ("f1", "resolved"), (INCIDENT, "resolved")]
    assert {alert.status for alert in newest(updates).values()} == {"resolved"}


def test_a_problem_that_outlives_its_incident_is_told_by_itself() -> None:
    policy = Policy(quiet=10, incident_after=2, group_wait=1)
    flapping = [step for n in range(2) for step in ((n * 30.0, problem(1, id=f"b{n}")), n * 30.0 + 29)]
    came_back = (60.0, problem(1, id="b9")), (60.5, problem(2)), 62.0
    updates = lived(*flapping, *came_back, 73.0, (74.0, problem(1, id="b10")), policy=policy)
    before_the_last = told(updates)[:-1]
    assert before_the_last[-2:] == [(INCIDENT, "opened"), (INCIDENT, "resolved")]
    assert told(updates)[-1] == ("f1", "opened")


def test_incidents_can_be_switched_off() -> None:
    updates = lived(*((0, problem(n)) for n in range(9)), 3, policy=Policy(group_wait=2, incident_after=0))
    assert len(told(updates)) == 9
