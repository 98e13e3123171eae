"""Alarms beside the truth, and what the simple detectors make of the same sessions."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Final

import msgspec
import numpy as np

from models.evaluation.simple import GRADED, SIMPLE, Templates

VALIDATION_SHARE: Final = 0.2
"""The later part of the training sessions, from which the threshold of a distance is read."""
QUANTILE: Final = 0.99
YES: Final = 0.5
"""Between the 0 and the 1 of detectors that only say no or yes."""


class Outcome(msgspec.Struct, frozen=True):
    """Precision, recall and their harmonic mean, counted in whole sessions."""

    precision: float
    recall: float
    f1: float
    alarms: int
    missed: int


def outcome(alarms: AbstractSet[str], anomalous: AbstractSet[str]) -> Outcome:
    """Compare the keys of sessions with an alarm with those of sessions that are anomalous."""
    hit = len(alarms & anomalous)
    precision = hit / len(alarms) if alarms else 0.0
    recall = hit / len(anomalous) if anomalous else 0.0
    f1 = 2 * precision * recall / (precision + recall) if hit else 0.0
    return Outcome(round(precision, 4), round(recall, 4), round(f1, 4), len(alarms), len(anomalous) - hit)


def baselines(train: Sequence[Templates], test: Sequence[Templates]) -> dict[str, list[bool]]:
    """Return detector -> whether it flags each session of `test`; `train` is in time order, and unlabelled.

    A distance is flagged above the quantile that the later part of training shows, which is not learned from then.
    """
    split = round(len(train) * (1 - VALIDATION_SHARE))
    flagged = {}
    for name, fit in SIMPLE.items():
        score, limit = fit(train), YES
        if name in GRADED:
            score = fit(train[:split])
            limit = float(np.quantile([score(templates) for templates in train[split:]], QUANTILE))
        flagged[name] = [score(templates) > limit for templates in test]
    return flagged
