from collections.abc import Sequence
from typing import Any

import pytest

from benchmarks.answers.cases import Alarm, Met, Stream
from benchmarks.answers.operator import Exemptions, Naive, Outcome, Rule, mean, outcome, play
from deepsentry.events import Shape
from models.evaluation.protocol import Case
from models.prepare import LoggedSequence
from tests.unit.streams.alerts.builders import anomaly

NOTHING: Any = None


def met(at: float, name: str, lines: Sequence[int], *, anomalous: bool) -> Met:
    shape = Shape(("a", "b", "c"), tuple(lines))
    sequence = LoggedSequence(name, "session", 0, 0, ("a",), complete=True)
    return Met(at, anomalous, Alarm(Case(sequence, anomalous), anomaly(name, shape=shape)))


HARMLESS, FAULT = (0, 1, 2), (0, 1, 1, 1, 2)
STREAM = Stream(
    NOTHING,
    0.0,
    (
        met(0.1, "1", HARMLESS, anomalous=False),
        met(0.2, "2", FAULT, anomalous=True),
        met(0.3, "3", HARMLESS, anomalous=False),
        met(0.4, "4", FAULT, anomalous=True),
        Met(0.5, anomalous=True, alarm=None),
    ),
)


def test_an_answer_counts_for_what_comes_after_it_only() -> None:
    told = play(STREAM, Exemptions(), 1)
    assert told.at == (0.1, 0.2, 0.4)
    assert [each.judgement for each in told.verdicts] == ["false_alarm"]
    assert play(STREAM, Exemptions(), 0).at == (0.1, 0.2, 0.3, 0.4)


def test_without_an_answer_before_the_end_nothing_is_learned() -> None:
    assert play(STREAM, Exemptions(), 5, end=0.05).at == (0.1, 0.2, 0.3, 0.4)


def taught(rule: Rule) -> Rule:
    for verdict in play(STREAM, Exemptions(), 1).verdicts:
        rule.learn(verdict)
    return rule


def test_a_rule_that_is_too_wide_hides_the_fault() -> None:
    assert outcome(STREAM, taught(Naive(lambda each: each.explanation.template)), 0.25) == Outcome(0.0, 0.0, 0)


def test_what_the_version_missed_counts_against_recall() -> None:
    assert outcome(STREAM, taught(Exemptions()), 0.25) == Outcome(1.0, 0.5, 1)
    assert outcome(STREAM, Exemptions(), 0.25) == Outcome(0.5, 0.5, 2)


def test_the_mean_names_the_worst_recall() -> None:
    [(precision, recall, worst)] = mean([[Outcome(0.5, 1.0, 4)], [Outcome(1.0, 0.8, 4)]])
    assert (precision, recall, worst) == (0.75, pytest.approx(0.9), 0.8)
