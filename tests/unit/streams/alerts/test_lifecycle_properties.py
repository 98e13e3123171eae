"""Any history of anomalies, pauses, silences, replays and crashes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from deepsentry.events import Severity, Silence
from streams.alerts.exemption import Exemption
from streams.alerts.fingerprint import STORM
from streams.alerts.lifecycle import observe, tick
from streams.alerts.notice import Update, coalesce
from streams.alerts.policy import Policy
from streams.alerts.state import OPEN, Alerts, follow, key_of, restore
from tests.unit.streams.alerts.builders import START, anomaly

POLICY = Policy(
    quiet=300,
    max_hold=1200,
    group_wait=5,
    group_interval=60,
    repeat=1000,
    max_open=3,
    max_a_minute=4,
    incident_after=2,
    incident_window=200,
)
CALM = replace(POLICY, quiet=1e9, max_hold=1e9, repeat=1e9, incident_after=0)
SEVERITIES: list[Severity] = ["info", "warning", "error", "critical"]
EXEMPTIONS = [
    Exemption.of(
        Silence(
            id="s",
            owner="kim",
            reason="known",
            created_at=START,
            until=START + timedelta(seconds=1500),
            begin=START + timedelta(seconds=200),
            match=("host=web-1",),
        )
    )
]


@dataclass(frozen=True)
class Step:
    wait: float
    anomaly: int
    fingerprint: int
    severity: Severity
    score: float
    host: int


HISTORIES = st.lists(
    st.builds(
        Step,
        wait=st.sampled_from([-50.0, 0.0, 1.0, 5.0, 100.0, 299.0, 300.0, 700.0, 2000.0]),
        anomaly=st.integers(0, 40),
        fingerprint=st.integers(0, 6),
        severity=st.sampled_from(SEVERITIES),
        score=st.floats(1.0, 9.0),
        host=st.integers(1, 2),
    ),
    max_size=50,
)


def distinct(history: list[Step]) -> list[Step]:
    """Return `history` without replays; one that comes after its alert is forgotten opens it again, under its key."""
    return [replace(step, anomaly=number) for number, step in enumerate(history)]


def forward(history: list[Step]) -> list[Step]:
    """Return `history` by a clock that is never set back: the topic does not tell what was forgotten before that."""
    return [replace(step, wait=abs(step.wait)) for step in history]


def lived(
    history: list[Step],
    state: Alerts,
    crash_at: int = -1,
    *,
    compacted: bool = False,
    exemptions: Sequence[Exemption] = EXEMPTIONS,
) -> tuple[Alerts, list[Update]]:
    """Return the state after `history`; a crash before the step `crash_at` leaves only what was published."""
    updates: list[Update] = []
    now = START
    for number, step in enumerate(history):
        if number == crash_at:
            published = [update.alert for update in updates]
            state = restore(state.policy, {key_of(a): a for a in published}.values() if compacted else published)
        now += timedelta(seconds=step.wait)
        strange = anomaly(
            # the id follows the sequence, so one id has one fingerprint
            f"a{step.fingerprint}-{step.anomaly}",
            fingerprint=f"f{step.fingerprint}",
            service=f"s{step.fingerprint % 2}",
            severity=step.severity,
            score=step.score,
            host=f"web-{step.host}",
        )
        for work in (tick, lambda s, t, e, a=strange: observe(s, a, t, e)):
            state, new = work(state, now, exemptions)
            updates += new
    return state, updates


@given(HISTORIES.map(forward), st.integers(0, 50))
def test_a_crash_at_any_point_changes_no_alert_no_occasion_and_no_key(history: list[Step], crash_at: int) -> None:
    _, undisturbed = lived(history, Alerts(POLICY))
    _, survived = lived(history, Alerts(POLICY), crash_at)
    assert [(u.alert, u.occasion) for u in survived] == [(u.alert, u.occasion) for u in undisturbed]


@given(HISTORIES.map(forward), st.integers(0, 50))
def test_nor_where_compaction_left_only_the_newest_record_of_each_key(history: list[Step], crash_at: int) -> None:
    _, undisturbed = lived(history, Alerts(POLICY))
    _, survived = lived(history, Alerts(POLICY), crash_at, compacted=True)
    assert [(u.alert, u.notice()) for u in survived] == [(u.alert, u.notice()) for u in undisturbed]


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
def test_whoever_was_told_that_it_fires_is_told_that_it_is_over(history: list[Step]) -> None:
    state, updates = lived(history, Alerts(POLICY))
    state, late = tick(state, START + timedelta(days=9))
    _, over_now = tick(state, START + timedelta(days=10))
    last = late + over_now
    opened = {u.alert.id for u in updates + last if u.occasion == "opened"}
    over = {u.alert.id for u in updates + last if u.occasion == "resolved"}
    assert over == opened


@given(HISTORIES.map(distinct))
def test_each_notice_has_its_own_key(history: list[Step]) -> None:
    _, updates = lived(history, Alerts(POLICY))
    keys = [notice.key for update in updates if (notice := update.notice())]
    assert len(keys) == len(set(keys))


@given(HISTORIES)
def test_every_anomaly_is_counted_in_one_alert(history: list[Step]) -> None:
    _, updates = lived(history, Alerts(CALM), exemptions=())
    counts = {update.alert.id: update.alert.count for update in updates}
    assert sum(counts.values()) == len({(step.fingerprint, step.anomaly) for step in history})


@given(HISTORIES)
def test_no_more_alerts_are_open_than_allowed_with_the_storm_and_the_incidents(history: list[Step]) -> None:
    state, _ = lived(history, Alerts(POLICY))
    assert sum(alert.fingerprint != STORM and not alert.members for alert in state.open()) <= POLICY.max_open
    assert sum(alert.status not in OPEN for alert in state.groups.values()) <= 2 * POLICY.max_open


@given(HISTORIES.map(forward))
def test_no_more_is_opened_for_people_in_a_minute_than_allowed(history: list[Step]) -> None:
    _, updates = lived(history, Alerts(POLICY))
    opened = [u.alert for u in updates if u.occasion == "opened" and u.alert.fingerprint != STORM]
    for alert in opened:
        within = [a for a in opened if 0 <= (a.opened_at - alert.opened_at).total_seconds() < 60]
        assert len(within) <= POLICY.max_a_minute


@given(HISTORIES)
def test_nobody_is_told_of_what_is_suppressed_or_told_with_its_incident(history: list[Step]) -> None:
    _, updates = lived(history, Alerts(POLICY))
    silent = [u for u in updates if u.alert.status == "suppressed" or (u.alert.incident and u.alert.told_at is None)]
    assert {u.occasion for u in silent} <= {None}
    assert all(u.alert.reason for u in updates if u.alert.status == "suppressed")


@given(HISTORIES, st.integers(1, 9))
def test_coalesced_updates_leave_the_same_alerts_and_tell_of_each_that_was_told(history: list[Step], size: int) -> None:
    _, updates = lived(history, Alerts(POLICY))
    chunks = [coalesce(updates[n : n + size]) for n in range(0, len(updates), size)]
    reader, heard = Alerts(POLICY), set[tuple[str, str]]()
    for chunk in chunks:
        for update in chunk:
            reader, occasion = follow(reader, update.alert)
            if occasion:
                heard.add((update.alert.id, update.alert.status))
    plain = restore(POLICY, [update.alert for update in updates])
    assert {a.id: a for a in reader.open()} == {a.id: a for a in plain.open()}  # of closed ones not all are kept
    assert heard == {(u.alert.id, u.alert.status) for u in updates if u.occasion}


@given(HISTORIES)
def test_a_stranger_on_the_topic_cannot_break_the_state(history: list[Step]) -> None:
    _, updates = lived(history, Alerts(POLICY))
    state = Alerts(POLICY)
    for update in reversed(updates):
        state, _ = follow(state, update.alert)
    tick(state, START + timedelta(days=9))
