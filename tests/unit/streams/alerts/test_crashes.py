"""A worker that is killed at any point, also while it publishes, and reads again what it had not committed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from deepsentry.events import Alert, Severity
from streams.alerts.incident import adopted
from streams.alerts.lifecycle import observe, tick
from streams.alerts.notice import Update, coalesce
from streams.alerts.state import Alerts, follow, key_of, restore
from tests.unit.streams.alerts.builders import START, anomaly
from tests.unit.streams.alerts.test_lifecycle_properties import POLICY, SEVERITIES


@dataclass(frozen=True)
class Seen:
    offset: int
    problem: int
    severity: Severity
    again: bool
    """The score worker said it twice."""


@dataclass(frozen=True)
class Chunk:
    """Anomalies that are handled and acknowledged together, so long after those before them."""

    wait: float
    seen: tuple[Seen, ...]


class Killed(Exception):
    """The process is gone."""


@dataclass
class Worker:
    """The shell around the state, as far as it matters: what is published survives, the rest does not."""

    topic: list[Alert] = field(default_factory=list)
    left: float = float("inf")
    """Records that can still be published before it is killed."""
    state: Alerts = field(init=False)

    def __post_init__(self) -> None:
        self.state = adopted(restore(POLICY, self.topic))

    def take(self, chunk: Chunk, now: datetime) -> None:
        state, updates = self.state, list[Update]()
        for each in chunk.seen:
            strange = anomaly(
                f"a{each.problem}-{each.offset - 3 if each.again else each.offset}",
                fingerprint=f"f{each.problem}",
                service=f"s{each.problem % 2}",
                severity=each.severity,
            )
            state, new = observe(state, strange, now, (), each.offset)
            updates += new
        self._publish(state, updates)

    def tick(self, now: datetime) -> None:
        self._publish(*tick(self.state, now))

    def _publish(self, state: Alerts, updates: list[Update]) -> None:
        for update in coalesce(updates):
            if not self.left:
                raise Killed
            self.left -= 1
            self.topic.append(update.alert)
        self.state = state


def lived(chunks: Sequence[Chunk], killed_after: float, again: int) -> list[Alert]:
    """Return the topic after `chunks`, where a worker dies once; the next reads the last `again` chunks once more."""
    worker, now = Worker(left=killed_after), START

    def do(work: Callable[[], None], old: Sequence[Chunk]) -> None:
        nonlocal worker
        try:
            work()
        except Killed:
            worker = Worker(worker.topic)
            worker.tick(now)
            for chunk in old:
                worker.take(chunk, now)

    for number, chunk in enumerate(chunks):
        now += timedelta(seconds=chunk.wait)
        do(lambda t=now: worker.tick(t), chunks[max(0, number - again) : number])
        do(lambda c=chunk, t=now: worker.take(c, t), chunks[max(0, number - again) : number + 1])
    for _ in range(4):
        now += timedelta(hours=1)
        do(lambda t=now: worker.tick(t), ())
    return worker.topic


def told(topic: list[Alert]) -> set[str]:
    """Return the keys of all that a target hears, but for the hour of what is repeated."""
    reader, keys = Alerts(POLICY), set[str]()
    for alert in topic:
        reader, occasion = follow(reader, alert)
        if occasion:
            keys.add(f"{alert.id}.{occasion}")
    return keys


def ends(topic: list[Alert]) -> dict[tuple[str, str], tuple[str, int, int, str]]:
    """Return how each alert ended, and what it counted."""
    return {(key_of(a), a.id): (a.status, a.count, a.members, a.severity) for a in topic}


@st.composite
def histories(draw: st.DrawFn) -> list[Chunk]:
    chunks, offset = [], 0
    for _ in range(draw(st.integers(1, 6))):
        seen = []
        for _ in range(draw(st.integers(1, 6))):
            seen.append(Seen(offset, draw(st.integers(0, 6)), draw(st.sampled_from(SEVERITIES)), draw(st.booleans())))
            offset += 1
        chunks.append(Chunk(draw(st.sampled_from([0.0, 1.0, 5.0, 70.0, 150.0, 301.0])), tuple(seen)))
    return chunks


@given(histories(), st.integers(0, 60), st.integers(0, 3))
def test_a_crash_while_it_publishes_changes_no_alert_no_count_and_no_key(
    chunks: list[Chunk], killed_after: int, again: int
) -> None:
    undisturbed, survived = lived(chunks, float("inf"), 0), lived(chunks, killed_after, again)
    assert told(survived) == told(undisturbed)
    assert ends(survived) == ends(undisturbed)


def test_a_chunk_that_is_read_again_is_not_counted_again_however_large_it_is() -> None:
    loud = Chunk(0, tuple(Seen(offset, 1, "warning", again=False) for offset in range(500)))
    [alert] = [alert for alert in lived([loud, loud], float("inf"), 0) if alert.status == "resolved"]
    assert alert.count == 500
