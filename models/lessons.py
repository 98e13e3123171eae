"""What people said of sequences, in a training: what was right is never learned as normal.

False alarms stay what they are without a verdict, and the version carries them beside its weights (`known`): as
neighbours in the profile they would excuse whatever is within its threshold, and real faults are. See docs/feedback.md.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from models.known import Judged
from models.prepare import Observed
from models.trimming import CEILING, Trimmed
from models.vocabulary import Vocabulary

TRUE: Final = "judged a true alarm"


def set_aside(
    trimmed: Trimmed, observed: Sequence[Observed], judged: Sequence[Judged], vocabulary: Vocabulary
) -> Trimmed:
    """Return what training keeps without what was judged true; one judged as it went is known by its beginning.

    A share above CEILING cannot all be wrong: those verdicts are older than what has become usual, and count no more.
    """
    true = _observed(judged, vocabulary)
    lengths = sorted({len(each.templates) for each in true if not each.complete})
    found = np.array(
        [
            Observed(o.templates, complete=True, kind=o.kind) in true
            or any(Observed(o.templates[:length], complete=False, kind=o.kind) in true for length in lengths)
            for o in observed
        ],
        np.bool_,
    )
    newly = int((found & trimmed.keep).sum())
    if not newly or found.mean() > CEILING:
        return trimmed
    return Trimmed(trimmed.keep & ~found, trimmed.reasons | {TRUE: newly})


def _observed(judged: Sequence[Judged], vocabulary: Vocabulary) -> frozenset[Observed]:
    """Return what was judged true in the ids of `vocabulary`, without what has a statement that it has not."""
    found = set()
    for each in judged:
        if each.judgement == "true":
            ids = [vocabulary.match(text) for text in each.shape.texts]
            known = tuple(template for line in each.shape.lines if (template := ids[line]) is not None)
            if len(known) == len(each.shape.lines):
                found.add(Observed(known, each.complete, each.kind))
    return frozenset(found)
