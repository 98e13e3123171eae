"""What people said of anomalies, taken into a version that was trained without it. Pure.

The weights stay as they are and the judged sequences stand beside them, so that a version without a verdict that was
withdrawn is the version that it would have been.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Final

import msgspec

from deepsentry import events
from models.artifact import TrainedVersion
from models.known import MOST, Judged

NORMAL: Final = "judged_normal"
TRUE: Final = "judged_true"
LARGEST: Final = 16 << 20
"""Characters of all judged sequences that a version carries."""


def judged_of(verdicts: Iterable[events.Verdict]) -> tuple[Judged, ...]:
    """Return the sequences of the verdicts that stand, the newest MOST, ordered by anomaly."""
    standing = [v for v in verdicts if not v.withdrawn and v.judged is not None and v.judged.shape is not None]
    newest = sorted(standing, key=lambda v: (v.at, v.anomaly), reverse=True)[:MOST]
    found = [
        Judged(v.anomaly, v.judgement, v.judged.shape, v.judged.kind, v.judged.complete)
        for v in newest
        if v.judged is not None and v.judged.shape is not None
    ]
    sizes = accumulate(sum(map(len, each.shape.texts)) + 8 * len(each.shape.lines) for each in found)
    kept = [each for each, size in zip(found, sizes, strict=True) if size <= LARGEST]
    return tuple(sorted(kept, key=lambda each: each.anomaly))


def recalibrate(version: TrainedVersion, judged: Sequence[Judged]) -> TrainedVersion:
    """Return `version` with exactly these judged sequences, whatever it had before."""
    counts = {name: n for name, n in version.metadata.counts.items() if name not in {NORMAL, TRUE}}
    if judged:
        true = sum(each.judgement == "true" for each in judged)
        counts |= {NORMAL: len(judged) - true, TRUE: true}
    metadata = msgspec.structs.replace(version.metadata, counts=counts)
    return replace(version, metadata=metadata, judged=tuple(judged))
