from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec
import pytest

from deepsentry.events import Anomaly
from streams.alerts.fingerprint import STORM
from streams.alerts.lifecycle import observe, tick
from streams.alerts.notice import Update
from streams.alerts.policy import Policy
from streams.alerts.state import Alerts, follow, restore
from tests.unit.streams.alerts.builders import START, anomaly

POLICY = Policy(quiet=300, max_hold=3600, repeat=14_400, max_open=3, incident_after=0)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def seen(*steps: Anomaly | Callable[[Alerts], tuple[Alerts, list[Update]]]) -> tuple[Alerts, list[Update]]:
    """Run `steps`: an anomaly is observed a second after the one before it, a callable is applied."""
    state, updates = Alerts(POLICY), list[Update]()
    for number, step in enumerate(steps):
        state, new = observe(state, step, after(number)) if isinstance(step, Anomaly) else step(state)
        updates += new
    return state, updates


def at(seconds: float, *anomalies: Anomaly) -> Callable[[Alerts], tuple[Alerts, list[Update]]]:
    """Observe `anomalies` then; without any, let the clock tick."""

    def step(state: Alerts) -> tuple[Alerts, list[Update]]:
        if not anomalies:
            return tick(state, after(seconds))
        updates: list[Update] = []
        for strange in anomalies:
            state, new = observe(state, strange, after(seconds))
            updates += new
        return state, updates

    return step


def occasions(updates: list[Update]) -> list[str | None]:
    return [update.occasion for update in updates]


def test_the_first_anomaly_opens_an_alert_and_people_are_told_at_once() -> None:
    _, [update] = seen(anomaly("a1", host="web-1"))
    assert update.occasion == "opened"
    assert (update.alert.status, update.alert.count, update.alert.hosts) == ("firing", 1, ("web-1",))
    assert update.alert.title == "checkout: 'payment declined' where 'payment accepted' was expected"


def test_a_further_anomaly_of_the_fingerprint_is_published_but_told_to_nobody() -> None:
    later = anomaly("a2", host="web-2", score=9.0, observed_at=after(60))
    _, [opened, grown] = seen(anomaly("a1", score=3.0), later)
    assert grown.occasion is None
    assert grown.alert.id == opened.alert.id
    assert (grown.alert.count, grown.alert.hosts) == (2, ("web-1", "web-2"))
    assert (grown.alert.first_seen, grown.alert.last_seen) == (START, after(60))
    assert grown.alert.anomaly.id == "a2", "the strangest"


def test_another_fingerprint_is_another_alert() -> None:
    _, [one, other] = seen(anomaly("a1", fingerprint="f1"), anomaly("a2", fingerprint="f2"))
    assert occasions([one, other]) == ["opened", "opened"]
    assert one.alert.id != other.alert.id


def test_an_anomaly_that_comes_again_counts_once() -> None:
    state, updates = seen(anomaly("a1"), anomaly("a1"), anomaly("a2"), anomaly("a1"))
    assert len(updates) == 2
    assert state.groups[anomaly().fingerprint].count == 2


def test_severity_is_the_highest_so_far_and_people_are_told_when_it_rises() -> None:
    _, updates = seen(
        anomaly("a1", severity="warning"),
        anomaly("a2", severity="critical"),
        anomaly("a3", severity="info"),
        anomaly("a4", severity="critical"),
    )
    assert occasions(updates) == ["opened", "escalated", None, None]
    assert updates[-1].alert.severity == "critical"


def test_an_alert_that_still_grows_is_told_again_after_the_repeat_interval() -> None:
    step = POLICY.quiet - 1
    times = [step * n for n in range(99)]
    _, updates = seen(*(at(t, anomaly(f"a{t}")) for t in times))
    told = [t for t, update in zip(times, updates, strict=True) if update.occasion]
    assert occasions(updates)[0] == "opened"
    assert told == [0, step * 49, step * 98], "the first growth 14,400 s after the one before"


def test_a_quiet_alert_resolves_once_and_is_told() -> None:
    _, updates = seen(anomaly("a1"), at(299), at(300), at(900))
    assert occasions(updates) == ["opened", "resolved"]
    assert updates[-1].alert.status == "resolved"
    assert updates[-1].alert.updated_at == after(300)


def test_each_return_doubles_the_hold_up_to_its_bound() -> None:
    state, now, holds = Alerts(POLICY), START, list[float]()
    for number in range(7):
        state, [opened] = observe(state, anomaly(f"a{number}"), now)
        assert opened.occasion == "opened"
        seconds = 0.0
        while state.groups[anomaly().fingerprint].status == "firing":
            seconds += 100
            state, _ = tick(state, now + timedelta(seconds=seconds))
        holds.append(seconds)
        now += timedelta(seconds=seconds + 1)
    assert holds == [300, 600, 1200, 2400, 3600, 3600, 3600]


def test_an_alert_that_stayed_away_for_long_starts_afresh() -> None:
    _, updates = seen(anomaly("a1"), at(300), at(300 + 3601), at(5000, anomaly("a2")), at(5300))
    assert occasions(updates) == ["opened", "resolved", "opened", "resolved"]


def test_an_anomaly_of_a_resolved_alert_that_is_replayed_opens_nothing() -> None:
    _, updates = seen(anomaly("a1"), at(300), at(301, anomaly("a1")))
    assert occasions(updates) == ["opened", "resolved"]


def test_a_storm_ends_in_one_summary_that_counts_what_has_no_alert_of_its_own() -> None:
    storm = [anomaly(f"a{n}", fingerprint=f"f{n}", severity="error" if n == 9 else "warning") for n in range(1000)]
    state, updates = seen(*storm, *storm[-50:])
    assert [u.alert.fingerprint for u in updates if u.occasion == "opened"] == ["f0", "f1", "f2", STORM]
    assert [u.alert.fingerprint for u in updates if u.occasion == "escalated"] == [STORM]
    assert updates[-1].alert.count == 997
    assert updates[-1].alert.title.startswith("Alert storm: 997 anomalies beyond 3 open alerts or 30 a minute")
    assert len(updates) == 1000, "each is published, and those that come again are known"
    assert len(state.groups) == 4


def test_after_a_storm_there_is_room_for_alerts_again() -> None:
    _, updates = seen(*(anomaly(f"a{n}", fingerprint=f"f{n}") for n in range(5)), at(400), at(500, anomaly("new")))
    assert [u.alert.fingerprint for u in updates if u.occasion == "resolved"] == ["f0", "f1", "f2", STORM]
    assert updates[-1].occasion == "opened"
    assert updates[-1].alert.fingerprint == anomaly().fingerprint


def test_resolved_alerts_do_not_pile_up() -> None:
    state = Alerts(POLICY)
    for number in range(200):
        now = after(number * 301)
        state, _ = tick(state, now)
        state, _ = observe(state, anomaly(f"a{number}", fingerprint=f"f{number}"), now)
    assert len(state.groups) <= 3 * POLICY.max_open


def test_hosts_ids_and_title_are_bounded() -> None:
    long = msgspec.structs.replace(anomaly().explanation, summary="x" * 10_000)
    _, updates = seen(*(anomaly(f"a{n}", host=f"h{n}", explanation=long) for n in range(100)))
    alert = updates[-1].alert
    assert (len(alert.hosts), len(alert.anomaly_ids), len(alert.title)) == (20, 50, 150)
    assert alert.anomaly_ids[-1] == "a99"
    assert alert.title.endswith("…")


def test_a_clock_set_back_neither_loses_nor_resolves_an_alert() -> None:
    _, updates = seen(at(1000, anomaly("a1")), at(0, anomaly("a2")), at(10), at(1300))
    assert occasions(updates) == ["opened", None, "resolved"]
    assert [u.alert.count for u in updates] == [1, 2, 2]


def test_a_restart_goes_on_where_it_was() -> None:
    _, published = seen(anomaly("a1"), anomaly("a2"))
    state = restore(POLICY, [update.alert for update in published])
    state, [repeated] = observe(state, anomaly("a3"), after(10))
    assert (repeated.occasion, repeated.alert.count) == (None, 3)
    _, [resolved] = tick(state, after(400))
    assert resolved.alert.id == published[0].alert.id


def test_one_who_reads_the_topic_learns_the_same_occasions() -> None:
    _, updates = seen(anomaly("a1"), anomaly("a2", severity="error"), anomaly("a3"), at(900), at(901, anomaly("a4")))
    reader, told = Alerts(POLICY), []
    for update in updates:
        reader, occasion = follow(reader, update.alert)
        told.append(occasion)
    assert told == occasions(updates) == ["opened", "escalated", None, "resolved", "opened"]


@pytest.mark.parametrize("again", range(3))
def test_an_alert_that_the_topic_holds_twice_is_told_once(again: int) -> None:
    _, updates = seen(anomaly("a1"), anomaly("a2", severity="error"), at(900))
    reader = restore(POLICY, [update.alert for update in updates])
    assert follow(reader, updates[again].alert)[1] is None
