"""A challenger beside the champion: figures over pairs of scores, which can be joined, and buckets of scores. Pure.

Means and sums of squares are joined after Chan, Golub and LeVeque (1983), so that nothing cancels out.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from deepsentry.events import Moments

STEPS: Final = 8
"""Buckets of scores between a score and its double."""
LEAST: Final = -5 * STEPS
MOST: Final = 10 * STEPS
"""Scores below 2^-5 and from 2^10 on are counted in the outermost buckets."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What pairs of scores say; `correlation` is None where one of the two never changes."""

    pairs: int
    mean_difference: float
    """Challenger less champion; above 0 the challenger is the stricter one."""
    deviation: float
    """Standard deviation of that difference."""
    correlation: float | None
    """Pearson's, of both scores."""


def moments(pairs: Iterable[tuple[float, float]]) -> Moments:
    """Return the sums over (champion, challenger)."""
    n, x, y, xx, yy, xy = 0, 0.0, 0.0, 0.0, 0.0, 0.0
    for champion, challenger in pairs:
        n += 1
        from_x, from_y = champion - x, challenger - y
        x += from_x / n
        y += from_y / n
        xx += from_x * (champion - x)
        yy += from_y * (challenger - y)
        xy += from_x * (challenger - y)
    return Moments(n, x, y, xx, yy, xy)


def joined(one: Moments, other: Moments) -> Moments:
    """Return the sums over the pairs of both."""
    n = one.pairs + other.pairs
    if not one.pairs or not other.pairs:
        return one if one.pairs else other
    share = other.pairs / n
    from_x, from_y = other.champion - one.champion, other.challenger - one.challenger
    weight = one.pairs * share
    return Moments(
        n,
        one.champion + from_x * share,
        one.challenger + from_y * share,
        one.champion_squares + other.champion_squares + from_x * from_x * weight,
        one.challenger_squares + other.challenger_squares + from_y * from_y * weight,
        one.products + other.products + from_x * from_y * weight,
    )


def figures(of: Moments) -> Figures:
    """Return what the sums say."""
    if not of.pairs:
        return Figures(0, 0.0, 0.0, None)
    spread = max(of.champion_squares + of.challenger_squares - 2 * of.products, 0.0)
    both = math.sqrt(of.champion_squares) * math.sqrt(of.challenger_squares)
    correlation = max(-1.0, min(1.0, of.products / both)) if both > 0 else None
    return Figures(of.pairs, of.challenger - of.champion, math.sqrt(spread / of.pairs), correlation)


def bucket(score: float) -> int:
    """Return the bucket of a score; bucket n holds scores from 2^(n/8) up to 2^((n+1)/8), and 1 begins bucket 0."""
    if not score > edge(LEAST):
        return LEAST
    return MOST if score >= edge(MOST) else math.floor(STEPS * math.log2(score))


def edge(number: int) -> float:
    """Return the score with which a bucket begins."""
    return float(2 ** (number / STEPS))


def at_least(counts: Mapping[int, int], number: int) -> int:
    """Return how many scores lie in bucket `number` or above."""
    return sum(count for at, count in counts.items() if at >= number)


def allowing(counts: Mapping[int, int], most: float) -> int:
    """Return the lowest bucket from whose begin on at most `most` scores lie."""
    for number in range(LEAST, MOST + 2):
        if at_least(counts, number) <= most:
            return number
    return MOST + 1
