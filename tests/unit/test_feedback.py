from datetime import timedelta

import pytest

from deepsentry import feedback, wire
from deepsentry.errors import NotFound
from deepsentry.events import Verdict
from tests.unit.streams.alerts.builders import START, anomaly


def said(name: str, **changes: str) -> Verdict:
    return feedback.verdict_on(anomaly(name), "false_alarm", "kim", START, **changes)


def test_what_a_person_types_is_bounded() -> None:
    verdict = feedback.verdict_on(anomaly(), "true", "k" * 5000, START, note="n" * 5000)
    assert (len(verdict.by), len(verdict.note)) == (feedback.NAME, feedback.NOTE)


def test_a_verdict_names_the_version_that_judged_and_the_fingerprint() -> None:
    verdict = said("a1", alert="b1")
    assert (verdict.anomaly, verdict.alert, verdict.fingerprint) == ("a1", "b1", anomaly().fingerprint)
    assert verdict.model == anomaly().model


def test_of_one_anomaly_the_newest_record_counts() -> None:
    first, gone = said("a1"), feedback.withdrawn(said("a1"), "ann", START + timedelta(days=1))
    records = [(feedback.key_of(each), wire.encode(each)) for each in (first, gone, said("a2"))]
    assert feedback.written(records) == {"a1": gone, "a2": said("a2")}


def test_a_verdict_is_found_by_the_first_digits_of_its_anomaly_or_alert() -> None:
    verdicts = [said("aa11"), said("ab22", alert="cc33"), feedback.withdrawn(said("dd44"), "ann", START)]
    assert feedback.find_verdict(verdicts, "aa").anomaly == "aa11"
    assert feedback.find_verdict(verdicts, "cc").anomaly == "ab22"
    with pytest.raises(NotFound, match="begins 2 judged anomaly ids, such as aa11, ab22"):
        feedback.find_verdict(verdicts, "a")
    with pytest.raises(NotFound, match="verdicts list"):
        feedback.find_verdict(verdicts, "dd44")
