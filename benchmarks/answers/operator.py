"""An operator who answers the first so many alerts truthfully; each answer counts for what comes after it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

import numpy as np

from benchmarks.answers.cases import START, Alarm, Stream
from deepsentry import feedback
from deepsentry.events import Anomaly, Judgement, Verdict
from models.detector import Detector
from models.evaluation.protocol import observe
from models.recalibration import judged_of, recalibrate
from streams.alerts.growth import opened
from streams.alerts.judged import Judged
from streams.alerts.likeness import NEAR
from streams.alerts.policy import Policy

ANSWERS: Final = (0, 5, 10, 20, 50)
DAYS: Final = 30.0
WIDER: Final = 4 * NEAR
NOW: Final = datetime.fromtimestamp(START, UTC) + timedelta(days=1)


class Rule(Protocol):
    """What is made of answers; it sees no label but those."""

    def silent(self, alarm: Alarm) -> bool:
        """Tell whether people do not hear of `alarm`."""

    def learn(self, verdict: Verdict) -> None:
        """Take one more answer."""


class Naive:
    """Suppresses what shares something with a false alarm: what a rule on a template or a fingerprint does."""

    def __init__(self, key: Callable[[Anomaly], str]) -> None:
        self._key = key
        self._known: set[str] = set()

    def silent(self, alarm: Alarm) -> bool:
        """Tell whether its key is that of a false alarm."""
        return self._key(alarm.anomaly) in self._known

    def learn(self, verdict: Verdict) -> None:
        """Remember the key of a false alarm."""
        if verdict.judgement == "false_alarm" and verdict.judged is not None:
            self._known.add(self._key(verdict.judged))


class Exemptions:
    """What the alert worker does at once."""

    def __init__(self, near: float = NEAR) -> None:
        self._near = near
        self._verdicts: list[Verdict] = []
        self._judged = Judged((), DAYS)
        self._memo: dict[str, bool] = {}

    def silent(self, alarm: Alarm) -> bool:
        """Tell whether the alert would be suppressed."""
        name = alarm.anomaly.id
        if name not in self._memo:
            alone = opened(Policy(), None, alarm.anomaly.fingerprint, alarm.anomaly, NOW)
            self._memo[name] = self._judged.silence_on(alone, NOW) is not None
        return self._memo[name]

    def learn(self, verdict: Verdict) -> None:
        """Take one more verdict."""
        self._verdicts.append(verdict)
        self._judged = Judged({v.anomaly: v for v in self._verdicts}.values(), DAYS, self._near)
        self._memo.clear()


class Recalibrated:
    """What a version does that took the verdicts in."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._verdicts: list[Verdict] = []
        self._detector: Detector | None = stream.detector
        self._memo: dict[str, bool] = {}

    def silent(self, alarm: Alarm) -> bool:
        """Tell whether the version calls it strange no more."""
        if self._detector is None:
            first = self._stream.detector
            version = recalibrate(first.version, judged_of({v.anomaly: v for v in self._verdicts}.values()))
            self._detector = Detector(version, first.reference)
        name = alarm.anomaly.id
        if name not in self._memo:
            shown = observe(self._detector, alarm.case.sequence, self._stream.over)
            self._memo[name] = self._detector.judge([shown])[0].score <= 1
        return self._memo[name]

    def learn(self, verdict: Verdict) -> None:
        """Let a new version of the same weights be made when the next alert comes."""
        self._verdicts.append(verdict)
        self._detector = None
        self._memo.clear()


class Both:
    """Both together: the exemption at once, and the version later."""

    def __init__(self, stream: Stream) -> None:
        self._rules: tuple[Rule, ...] = (Exemptions(), Recalibrated(stream))

    def silent(self, alarm: Alarm) -> bool:
        """Tell whether either keeps it from people."""
        return any(rule.silent(alarm) for rule in self._rules)

    def learn(self, verdict: Verdict) -> None:
        """Teach both."""
        for rule in self._rules:
            rule.learn(verdict)


def template(anomaly: Anomaly) -> str:
    """Return the statement that an alert is about."""
    said = anomaly.explanation
    return said.template or next((each.template for each in said.expected), "")


RULES: Final[dict[str, Callable[[Stream], Rule]]] = {
    "exemptions": lambda _: Exemptions(),
    "recalibrated": Recalibrated,
    "both": Both,
    "exemptions, wider": lambda _: Exemptions(WIDER),
    "by fingerprint": lambda _: Naive(lambda anomaly: anomaly.fingerprint),
    "by template": lambda _: Naive(template),
}
OURS: Final = ("exemptions", "recalibrated", "both")


@dataclass(frozen=True, slots=True)
class Told:
    """What people were told, by time, and when the last answer was given."""

    at: tuple[float, ...]
    true: tuple[bool, ...]
    answered: float
    verdicts: tuple[Verdict, ...]


def play(stream: Stream, rule: Rule, answers: int, end: float = 1.0) -> Told:
    """Let the operator answer the first `answers` alerts, none after `end`."""
    at: list[float] = []
    true: list[bool] = []
    verdicts: list[Verdict] = []
    answered = 0.0
    for met in stream.met:
        if met.alarm is None or rule.silent(met.alarm):
            continue
        at.append(met.at)
        true.append(met.anomalous)
        if len(verdicts) < answers and met.at <= end:
            moment = NOW + timedelta(seconds=len(verdicts))
            judgement: Judgement = "true" if met.anomalous else "false_alarm"
            verdict = feedback.verdict_on(met.alarm.anomaly, judgement, "operator", moment)
            rule.learn(verdict)
            verdicts.append(verdict)
            answered = met.at
    return Told(tuple(at), tuple(true), answered, tuple(verdicts))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was told in the part that is looked at."""

    precision: float
    recall: float
    alerts: int


def outcome(stream: Stream, rule: Rule, begin: float) -> Outcome:
    """Return precision and recall of what comes after `begin`, anomalous sequences that nobody saw among them."""
    later = [met for met in stream.met if met.at > begin]
    told = [met.anomalous for met in later if met.alarm is not None and not rule.silent(met.alarm)]
    anomalous = sum(met.anomalous for met in later)
    right = sum(told)
    return Outcome(right / len(told) if told else 0.0, right / anomalous if anomalous else 0.0, len(told))


def curves(stream: Stream, answers: Sequence[int] = ANSWERS) -> tuple[float, dict[str, list[Outcome]]]:
    """Return where the part begins that all are judged on, and for each rule its outcome after so many answers.

    It begins when the last of ours has got the most answers; a naive rule gets no answer after that either.
    """
    most = max(answers)
    begin = max(play(stream, RULES[name](stream), most).answered for name in OURS)
    found: dict[str, list[Outcome]] = {}
    for name, rule in RULES.items():
        verdicts = play(stream, rule(stream), most, begin).verdicts
        found[name] = []
        for n in answers:
            taught = rule(stream)
            for verdict in verdicts[:n]:  # with fewer answers, the first are the same
                taught.learn(verdict)
            found[name].append(outcome(stream, taught, begin))
    return begin, found


def mean(rows: Sequence[Sequence[Outcome]]) -> list[tuple[float, float, float]]:
    """Return for each number of answers the mean precision, the mean recall and the worst recall over seeds."""
    return [
        (
            float(np.mean([each.precision for each in column])),
            float(np.mean([each.recall for each in column])),
            min(each.recall for each in column),
        )
        for column in zip(*rows, strict=True)
    ]
