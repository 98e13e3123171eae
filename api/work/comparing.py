"""What is known of a version before it judges: its comparison with the champion, and what a budget would have meant."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from api.errors import InvalidInput
from api.parts import Parts
from api.store.found import KeptComparison
from api.store.where import above, at_least, below, equal
from api.work import grants
from api.work.pipeline import SILENT
from deepsentry.errors import NotFound
from deepsentry.events import Disagreement, Moments
from models.registry import CHALLENGER
from models.shadow import Figures, allowing, edge, figures, joined
from models.shadow import at_least as from_bucket

MOST_COMPARISONS: Final = 20_000
MOST_SHOWN: Final = 100
MOST_HOURS: Final = 20_000
REFERENCE_DAYS: Final = 7
LEAST_HOURS: Final = 24
"""Hours of scores without which a budget cannot be turned into a threshold."""


@dataclass(frozen=True, slots=True)
class Report:
    """A challenger beside its champion."""

    champion: int
    challenger: int
    since: datetime | None
    until: datetime | None
    figures: Figures
    both: int
    champion_only: int
    challenger_only: int
    skipped: int
    disagreements: tuple[Disagreement, ...]
    failures: tuple[str, ...]
    workers: int
    """That have the challenger loaded."""


async def shadow(parts: Parts, project: str, name: str) -> Report:
    """Return what workers saw of the present pair of versions. Raises NotFound where there is no challenger."""
    await grants.require(parts, project, "model", name)

    def aliases() -> tuple[int, int]:
        champion, challenger = parts.registry.champion(name), parts.registry.pointed(name, CHALLENGER)
        if champion is None or challenger is None:
            message = f"no version of {name} scores beside a champion"
            raise NotFound(message)
        return champion.version, challenger.version

    champion, challenger = await asyncio.to_thread(aliases)
    found = await parts.found.comparisons.find(
        equal("model", name),
        equal("champion", champion),
        equal("challenger", challenger),
        order=(("created_at", -1), ("id", -1)),
        limit=MOST_COMPARISONS,
    )
    workers = await parts.found.workers.count(
        equal("challenger.name", name),
        equal("challenger.version", challenger),
        above("at", parts.now() - SILENT),
        at_most=1000,
    )
    return _summed(champion, challenger, found, workers)


def _summed(champion: int, challenger: int, found: list[KeptComparison], workers: int) -> Report:
    moments = Moments()
    for each in found:
        moments = joined(moments, each.moments)
    return Report(
        champion=champion,
        challenger=challenger,
        since=min((each.since for each in found), default=None),
        until=max((each.created_at for each in found), default=None),
        figures=figures(moments),
        both=sum(each.both for each in found),
        champion_only=sum(each.champion_only for each in found),
        challenger_only=sum(each.challenger_only for each in found),
        skipped=sum(each.skipped for each in found),
        disagreements=tuple(shown for each in found for shown in each.disagreements)[:MOST_SHOWN],
        failures=tuple(dict.fromkeys(each.failure for each in found if each.failure)),
        workers=workers,
    )


@dataclass(frozen=True, slots=True)
class Preview:
    """What a budget would have meant on a day; see `preview` for what it cannot say."""

    day: date
    budget: float
    version: int
    score: float | None
    """The lowest score that would have been told of; 1 is the present threshold. None: too little is known."""
    sequences: int | None
    """Ended sequences of the day with at least that score."""
    present_sequences: int
    """The same with the threshold as it is."""
    ended: int
    """All sequences that ended on the day."""
    hours: int
    """Hours of the reference in which anything was scored."""


async def preview(parts: Parts, project: str, name: str, budget: float, day: date | None) -> Preview:
    """Return how many sequences of a day would have been told of, if at most `budget` a day were the rule.

    The score for the budget is read from what the champion scored in the week that ends with the day: the lowest from
    which on at most `budget` sequences a day lay, all of them taken for false alarms. Scores are kept in steps of
    nine per cent, so it is right to within one. It cannot say how sequences would have been grouped into alerts, and it
    does not know of those that were told of before they ended. Raises NotFound, InvalidInput.
    """
    await grants.require(parts, project, "model", name)
    champion = await asyncio.to_thread(parts.registry.champion, name)
    if champion is None:
        message = f"{name} has no champion, so nothing is scored"
        raise NotFound(message)
    today = parts.now().date()
    day = day or today - timedelta(days=1)
    if not today - timedelta(days=28) <= day <= today:
        raise InvalidInput({"query.day": "scores are kept for 28 days; it must be one of them"})
    end = datetime.combine(day, time(), UTC) + timedelta(days=1)
    which = (equal("model", name), equal("version", champion.version))
    found = await parts.found.counts.find(
        *which, at_least("hour", end - timedelta(days=REFERENCE_DAYS)), below("hour", end), limit=MOST_HOURS
    )
    reference: Counter[int] = Counter()
    that_day: Counter[int] = Counter()
    for each in found:
        for bucket, count in each.counts:
            reference[bucket] += count
            if each.hour >= end - timedelta(days=1):
                that_day[bucket] += count
    hours = len({each.hour for each in found})
    lowest = allowing(reference, budget * hours / 24) if hours >= LEAST_HOURS else None
    return Preview(
        day=day,
        budget=budget,
        version=champion.version,
        score=None if lowest is None else round(edge(lowest), 3),
        sequences=None if lowest is None else from_bucket(that_day, lowest),
        present_sequences=from_bucket(that_day, 0),
        ended=sum(that_day.values()),
        hours=hours,
    )
