"""What is measured on judged sequences, weighted and over distinct ones."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Judged:
    """Distinct test sequences in the eyes of one detector, as arrays of one length."""

    score: Floats
    """In units of the threshold: above 1 is an alarm."""
    anomalous: Flags
    times: Floats
    """How often the sequence occurred."""
    lines: Floats
    """Lines of one occurrence."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one detector on one test part; shares in 0..1."""

    precision: float
    recall: float
    f1: float
    f1_distinct: float
    fpr: float
    """Share of the normal sequences that were flagged."""
    alerts_per_million_lines: float
    pr_auc: float
    """Average precision over all thresholds."""

    @classmethod
    def of(cls, judged: Judged) -> "Figures":
        """Measure one detector."""
        alarm = judged.score > 1
        precision, recall, f1 = _scores(alarm, judged.anomalous, judged.times)
        normal = judged.times[~judged.anomalous].sum()
        return cls(
            precision=precision,
            recall=recall,
            f1=f1,
            f1_distinct=_scores(alarm, judged.anomalous, np.ones(len(alarm)))[2],
            fpr=float(judged.times[alarm & ~judged.anomalous].sum() / max(normal, 1.0)),
            alerts_per_million_lines=float(
                judged.times[alarm].sum() / max((judged.times * judged.lines).sum(), 1.0) * 1e6
            ),
            pr_auc=average_precision(judged),
        )

    def rounded(self) -> dict[str, float]:
        """Return the figures by name, for print."""
        return {name: round(float(getattr(self, name)), 5) for name in self.__slots__}


def mean(figures: Sequence[Figures]) -> dict[str, float]:
    """Return the mean of each figure over seeds, and the worst F1."""
    rows = [f.rounded() for f in figures]
    found = {name: round(float(np.mean([row[name] for row in rows])), 5) for name in rows[0]}
    return {**found, "worst_f1": min(row["f1"] for row in rows)}


def curve(judged: Judged) -> tuple[Floats, Floats]:
    """Return recall and precision at every distinct score, from the strictest threshold down."""
    order = np.argsort(-judged.score, kind="stable")
    score = judged.score[order]
    hits = np.cumsum(np.where(judged.anomalous[order], judged.times[order], 0.0))
    alarms = np.cumsum(judged.times[order])
    last = np.append(score[1:] != score[:-1], True)
    return hits[last] / max(hits[-1], 1.0), hits[last] / alarms[last]


def average_precision(judged: Judged) -> float:
    """Return the area under the precision-recall curve as the sum of precision times gained recall."""
    if not judged.anomalous.any():
        return 0.0
    recall, precision = curve(judged)
    return float((np.diff(recall, prepend=0.0) * precision).sum())


def _scores(alarm: Flags, anomalous: Flags, times: Floats) -> tuple[float, float, float]:
    hit = float(times[alarm & anomalous].sum())
    raised, true = float(times[alarm].sum()), float(times[anomalous].sum())
    precision, recall = hit / max(raised, 1.0), hit / max(true, 1.0)
    return precision, recall, 2 * precision * recall / max(precision + recall, 1e-12)
