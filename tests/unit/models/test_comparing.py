"""The challenger beside the champion: what is told of it, and that it disturbs nobody."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry

from deepsentry import topics, wire
from deepsentry.events import Comparison, ModelReference, ScoreCounts, ViewScore
from deepsentry.metrics import Metrics
from deepsentry.sections import Models
from deepsentry.settings import Settings
from models.artifact import TrainedVersion
from models.detector import Detector
from models.prepare import Observed, Verdict
from models.registry import CHALLENGER, Registry
from streams.scoring import comparing
from streams.scoring.comparing import Beside
from streams.scoring.strange import Due
from streams.transport.outbox import Outbox, Outgoing
from streams.windowing.sequence import CleanLine, InRaw
from streams.windowing.sequence import Sequence as Open

NOW = datetime(2026, 1, 1, 12, 30, tzinfo=UTC)
LINES = ("request 4711 opened", "cart 4711 loaded with 3 items", "request 4711 answered in 5 ms")


class Kept:
    """An outbox that keeps what is published."""

    def __init__(self) -> None:
        self.waiting = False
        self.outgoing: list[Outgoing] = []

    async def publish(self, outgoing: Iterable[Outgoing]) -> None:
        self.outgoing += outgoing

    def of(self, topic: topics.Topic, kind: type[Any]) -> list[Any]:
        return [wire.decode(kind, each.value) for each in self.outgoing if each.topic == topic.name]


@pytest.fixture
def registry(tmp_path: Path, trained: TrainedVersion) -> Registry:
    registry = Registry(tmp_path)
    registry.save("detector", trained)
    registry.add("detector", trained)
    registry.promote("detector", 2, CHALLENGER)
    return registry


@pytest.fixture
def outbox() -> Kept:
    return Kept()


@pytest.fixture
def beside(registry: Registry, outbox: Kept) -> Beside:
    settings = Settings(models=Models(registry=registry.root))
    return Beside(settings, Metrics(CollectorRegistry()), cast("Outbox", outbox), "w", lambda: NOW)


def rank(source: int) -> tuple[str, int]:
    return topics.RAW.name, source


def due(detector: Detector, lines: Sequence[str] = LINES, *, ended: bool = True) -> Due:
    sequence = Open("r1", "session", cast("Any", None))
    for offset, line in enumerate(lines):
        template = detector.template(line)
        sequence.add(
            CleanLine(InRaw(topics.RAW.name, 0, offset), 1000.0 + offset, line, "r1"), offset, 0, template, rank
        )
    sequence.open = not ended
    return Due.of(sequence, len(lines), complete=ended)


async def told(beside: Beside) -> None:
    """Let the challenger have its turn, and tell."""
    beside._told = 0.0
    await beside.turn()


async def test_the_same_version_beside_itself_agrees(beside: Beside, registry: Registry, outbox: Kept) -> None:
    champion = registry.load("detector", 1)
    seen = [due(champion), due(champion, LINES[::-1])]
    beside.observe(champion, seen, champion.judge([each.observed for each in seen]), rank)
    await told(beside)
    [comparison] = outbox.of(topics.SHADOW, Comparison)
    assert (comparison.champion.version, comparison.challenger.version) == (1, 2)
    assert comparison.moments.pairs == 2
    assert comparison.moments.champion == pytest.approx(comparison.moments.challenger)
    assert (comparison.champion_only, comparison.challenger_only, comparison.disagreements) == (0, 0, ())
    await told(beside)
    assert len(outbox.of(topics.SHADOW, Comparison)) == 1


async def test_what_only_one_of_them_finds_is_listed_with_its_place(
    beside: Beside, registry: Registry, outbox: Kept
) -> None:
    champion = registry.load("detector", 1)
    strange = due(champion, ["the disk is on fire", *LINES])
    calm = Verdict(0.2, (ViewScore("profile", 0.2),))
    beside.observe(champion, [strange], [calm], rank)
    await told(beside)
    [comparison] = outbox.of(topics.SHADOW, Comparison)
    [found] = comparison.disagreements
    assert comparison.challenger_only == 1
    assert (found.sequence, str(found.start), found.view) == ("r1", f"{topics.RAW.name}/0/0/0", "novelty")
    assert found.champion == 0.2
    assert found.challenger > 1
    assert "fire" in found.summary


async def test_a_challenger_that_fails_judges_no_more_and_disturbs_nobody(
    beside: Beside, registry: Registry, outbox: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: Sequence[Observed]) -> list[Verdict]:
        raise RuntimeError

    champion = registry.load("detector", 1)
    assert beside.challenger.detector is not None
    monkeypatch.setattr(beside.challenger.detector, "judge", fails)
    one = due(champion)
    verdicts = champion.judge([one.observed])
    for _ in range(3):
        beside.observe(champion, [one], verdicts, rank)
        await told(beside)
    failures = [each.failure for each in outbox.of(topics.SHADOW, Comparison)]
    assert set(failures) == {"it failed: RuntimeError"}
    [counts] = outbox.of(topics.SCORES, ScoreCounts)[-1:]
    assert sum(counts.counts.values()) == 3


async def test_what_does_not_fit_into_its_share_is_counted_and_passed_over(
    beside: Beside, registry: Registry, outbox: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing, "WAITING", 4)
    champion = registry.load("detector", 1)
    one = due(champion)
    beside.observe(champion, [one] * 10, champion.judge([one.observed]) * 10, rank)
    await told(beside)
    [comparison] = outbox.of(topics.SHADOW, Comparison)
    assert (comparison.moments.pairs, comparison.skipped) == (4, 6)


async def test_only_sequences_that_ended_are_counted_once_an_hour(
    beside: Beside, registry: Registry, outbox: Kept
) -> None:
    champion = registry.load("detector", 1)
    for ended in (True, False, True):
        beside.observe(champion, [due(champion, ended=ended)], [Verdict(2.0, (ViewScore("profile", 2.0),))], rank)
        await told(beside)
    counts = outbox.of(topics.SCORES, ScoreCounts)
    assert [each.counts for each in counts] == [{"8": 1}, {"8": 2}]
    assert {each.hour for each in counts} == {NOW.replace(minute=0)}
    assert len({each.key for each in outbox.outgoing if each.topic == topics.SCORES.name}) == 1


async def test_while_the_broker_is_away_nothing_is_told_and_nothing_is_lost(
    beside: Beside, registry: Registry, outbox: Kept
) -> None:
    champion = registry.load("detector", 1)
    one = due(champion)
    outbox.waiting = True
    beside.observe(champion, [one], champion.judge([one.observed]), rank)
    await told(beside)
    assert outbox.outgoing == []
    outbox.waiting = False
    await told(beside)
    assert outbox.of(topics.SHADOW, Comparison)[0].moments.pairs == 1


async def test_a_challenger_that_was_taken_away_is_asked_no_more(
    beside: Beside, registry: Registry, outbox: Kept
) -> None:
    champion = registry.load("detector", 1)
    one = due(champion)
    beside.observe(champion, [one], champion.judge([one.observed]), rank)
    beside._judge(cast("Detector", beside.challenger.detector))
    registry.retire("detector", CHALLENGER)
    assert beside.challenger.refresh()
    await beside.changed()
    beside.observe(champion, [one], champion.judge([one.observed]), rank)
    await told(beside)
    [comparison] = outbox.of(topics.SHADOW, Comparison)
    assert comparison.challenger == ModelReference("detector", 2, comparison.challenger.digest)
    assert comparison.moments.pairs == 1
