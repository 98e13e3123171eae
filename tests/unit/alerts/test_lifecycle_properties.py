"""Any history of anomalies, pauses, replays and crashes."""

from dataclasses import dataclass, replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from deepsentry.events import Severity
from streams.alerts.lifecycle import STORM, Alerts, Policy, follow, observe, restore, tick
from streams.alerts.notice import Update, coalesce
from tests.unit.alerts.builders import START, anomaly

POLICY = Policy(quiet=300, max_hold=1200, repeat=1000, max_open=2)
SEVERITIES: list[Severity] = ["info", "warning", "error", "critical"]


@dataclass(frozen=True)
class Step:
    wait: float
    anomaly: int
    fingerprint: int
    severity: Severity
    score: float


HISTORIES = st.lists(
    st.builds(
        Step,
        wait=st.sampled_from([-50.0, 0.0, 1.0, 100.0, 299.0, 300.0, 700.0, 2000.0]),
        anomaly=st.integers(0, 40),
        fingerprint=st.integers(0, 4),
        severity=st.sampled_from(SEVERITIES),
        score=st.floats(1.0, 9.0),
    ),
    max_size=50,
)


def distinct(history: list[Step]) -> list[Step]:
    """Return `history` without replays; one that comes after its alert is forgotten opens it again, under its key."""
    return [replace(step, anomaly=number) for number, step in enumerate(history)]


def forward(history: list[Step]) -> list[Step]:
    """Return `history` by a clock that is never set back: the topic does not tell what was forgotten before that."""
    return [replace(step, wait=abs(step.wait)) for step in history]


def lived(history: list[Step], state: Alerts, crash_at: int = -1) -> tuple[Alerts, list[Update]]:
    """Return the state after `history`; a crash before the step `crash_at` leaves only what was published."""
    updates: list[Update] = []
    now = START
    for number, step in enumerate(history):
        if number == crash_at:
            state = restore(state.policy, [update.alert for update in updates])
        now += timedelta(seconds=step.wait)
        strange = anomaly(
            # the id follows the sequence, so one id has one fingerprint
            f"a{step.fingerprint}-{step.anomaly}",
            fingerprint=f"f{step.fingerprint}",
            severity=step.severity,
            score=step.score,
        )
        for work in (tick, lambda s, t, a=strange: observe(s, a, t)):
            state, new = work(state, now)
            updates += new
    return state, updates


@given(HISTORIES.map(forward), st.integers(0, 50))
def test_a_crash_at_any_point_changes_no_alert_no_occasion_and_no_key(history: list[Step], crash_at: int) -> None:
    _, undisturbed = lived(history, Alerts(POLICY))
    _, survived = lived(history, Alerts(POLICY), crash_at)
    assert [(u.alert, u.occasion) for u in survived] == [(u.alert, u.occasion) for u in undisturbed]


@given(HISTORIES.map(forward))
def test_the_topic_holds_all_that_the_state_knows(history: list[Step]) -> None:
    state, updates = lived(history, Alerts(POLICY))
    end = START + timedelta(days=1)
    restored = restore(POLICY, [update.alert for update in updates])
    assert tick(restored, end) == tick(state, end)


@given(HISTORIES.map(distinct))
def test_an_alert_is_told_open_before_anything_else_and_resolved_at_most_once(history: list[Step]) -> None:
    _, updates = lived(history, Alerts(POLICY))
    told: dict[str, list[str]] = {}
    for update in updates:
        if update.occasion:
            told.setdefault(update.alert.id, []).append(update.occasion)
    for occasions in told.values():
        assert occasions[0] == "opened"
        assert "opened" not in occasions[1:]
        assert "resolved" not in occasions[:-1]


@given(HISTORIES.map(distinct))
def test_each_notice_has_its_own_key(history: list[Step]) -> None:
    _, updates = lived(history, Alerts(POLICY))
    keys = [notice.key for update in updates if (notice := update.notice())]
    assert len(keys) == len(set(keys))


@given(HISTORIES)
def test_every_anomaly_is_counted_in_one_alert(history: list[Step]) -> None:
    _, updates = lived(history, Alerts(Policy(quiet=1e9, max_hold=1e9, repeat=1e9, max_open=2)))
    counts = {update.alert.id: update.alert.count for update in updates}
    assert sum(counts.values()) == len({(step.fingerprint, step.anomaly) for step in history})


@given(HISTORIES)
def test_no_more_alerts_are_open_than_allowed_and_the_storm(history: list[Step]) -> None:
    state, _ = lived(history, Alerts(POLICY))
    firing = {key for key, group in state.groups.items() if group.alert.status == "firing"}
    assert len(firing - {STORM}) <= POLICY.max_open
    assert len(state.groups) <= 2 * POLICY.max_open + 1


@given(HISTORIES, st.integers(1, 9))
def test_coalesced_updates_leave_the_same_alerts_and_tell_of_each_that_was_told(history: list[Step], size: int) -> None:
    _, updates = lived(history, Alerts(POLICY))
    chunks = [coalesce(updates[n : n + size]) for n in range(0, len(updates), size)]
    reader = restore(POLICY, [update.alert for chunk in chunks for update in chunk])
    plain = restore(POLICY, [update.alert for update in updates])
    assert {k: g.alert for k, g in reader.groups.items()} == {k: g.alert for k, g in plain.groups.items()}
    told = {(u.alert.id, u.alert.status) for u in updates if u.occasion}
    assert {(u.alert.id, u.alert.status) for chunk in chunks for u in chunk if u.occasion} == told


@given(HISTORIES)
def test_a_stranger_on_the_topic_cannot_break_the_state(history: list[Step]) -> None:
    _, updates = lived(history, Alerts(POLICY))
    state = Alerts(POLICY)
    for update in reversed(updates):
        state, _ = follow(state, update.alert)
    tick(state, START + timedelta(days=9))
