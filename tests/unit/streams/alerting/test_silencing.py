from datetime import UTC, datetime, timedelta

import msgspec

from deepsentry import feedback, wire
from deepsentry.events import Alert, Shape, Silence
from deepsentry.settings import Settings
from streams.alerting.silencing import Record, Silencing, key_of
from streams.alerts.growth import opened
from streams.alerts.policy import Policy
from tests.unit.streams.alerts.builders import START, anomaly

SHAPE = Shape(("GET <*>", "payment declined for order <*>", "answered"), (0, 1, 2))
GIVEN = feedback.verdict_on(anomaly("a1", shape=SHAPE), "false_alarm", "kim", START)
GONE = feedback.withdrawn(GIVEN, "ann", START + timedelta(minutes=1))


def record(verdict: feedback.Verdict) -> Record:
    return feedback.key_of(verdict), wire.encode(verdict)


def alert(name: str = "a2") -> Alert:
    return opened(Policy(), None, "f", anomaly(name, shape=SHAPE), START)


def silent(silencing: Silencing) -> bool:
    return any(each.silence_on(alert(), START) for each in silencing.exemptions)


def test_verdicts_count_as_they_come_and_a_withdrawn_one_no_more() -> None:
    silencing = Silencing(Settings())
    assert not silent(silencing)
    silencing.hear([record(GIVEN)])
    assert silent(silencing)
    silencing.hear([record(GONE)])
    assert not silent(silencing)


def test_of_one_anomaly_the_newest_verdict_counts() -> None:
    silencing = Silencing(Settings())
    silencing.hear([record(GIVEN), record(GONE), record(msgspec.structs.replace(GIVEN, by="lee"))])
    assert silent(silencing)


def test_silences_and_verdicts_stand_beside_each_other_and_what_is_neither_is_passed_over() -> None:
    until = datetime(2999, 1, 1, tzinfo=UTC)
    silence = Silence("s1", "kim", "known", START, until, fingerprint="another")
    silencing = Silencing(Settings())
    silencing.hear(
        [
            (key_of(silence), wire.encode(silence)),
            record(GIVEN),
            (b"verdict/a9", b"no verdict"),
            (b"silence/s9", b"{}"),
            (b"verdict/a1", None),
            (None, b"{}"),
            (b"else/1", b"{}"),
        ]
    )
    assert silent(silencing)
    silencing.hear([record(GONE)])
    assert not silent(silencing)
