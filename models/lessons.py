"""What people said of sequences, in a training: false alarms are normal, what was right is never learned as that."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from models.known import Judged
from models.prepare import Observed
from models.trimming import CEILING, Trimmed
from models.vocabulary import Vocabulary

Ids = tuple[int, ...]
TRUE: Final = "judged a true alarm"


@dataclass(frozen=True, slots=True)
class Lessons:
    """Judged sequences in the template ids of this training; those with a statement that it has not are left out."""

    normal: frozenset[Observed]
    """Called false alarms, and by nobody true ones."""
    true: frozenset[Observed]

    @classmethod
    def of(cls, judged: Iterable[Judged], vocabulary: Vocabulary) -> Self:
        """Return what `judged` teaches where statements have the ids of `vocabulary`."""
        found: dict[str, set[Observed]] = {"false_alarm": set(), "true": set()}
        for each in judged:
            ids = [vocabulary.match(text) for text in each.shape.texts]
            lines = [ids[line] for line in each.shape.lines]
            known = tuple(template for template in lines if template is not None)
            if len(known) == len(lines):
                found[each.judgement].add(Observed(known, each.complete, each.kind))
        return cls(frozenset(found["false_alarm"] - found["true"]), frozenset(found["true"]))

    def correct(self, trimmed: Trimmed, observed: Sequence[Observed]) -> Trimmed:
        """Return what training keeps once false alarms are kept, and what was right is set aside.

        A share above CEILING cannot all be wrong: the verdicts are then older than what has become usual.
        """
        if not self.normal and not self.true:
            return trimmed
        normal, true = (
            np.array([_among(o, judged, lengths) for o in observed], np.bool_)
            for judged, lengths in ((each, _beginnings(each)) for each in (self.normal, self.true))
        )
        if true.mean() > CEILING:
            true[:] = False
        newly = int((true & trimmed.keep).sum())
        reasons = trimmed.reasons | ({TRUE: newly} if newly else {})
        return Trimmed((trimmed.keep | normal) & ~true, reasons)

    def missing(self, observed: Iterable[Observed]) -> list[Observed]:
        """Return the whole false alarms that are not among `observed`: they are older than the data."""
        return sorted((o for o in self.normal - set(observed) if o.complete), key=lambda o: (o.kind, o.templates))


def _among(observed: Observed, judged: frozenset[Observed], lengths: Sequence[int]) -> bool:
    """Tell whether a sequence was judged, whole or, where it was judged as it went, by its first `lengths` lines."""
    templates, kind = observed.templates, observed.kind
    return Observed(templates, complete=True, kind=kind) in judged or any(
        Observed(templates[:length], complete=False, kind=kind) in judged for length in lengths
    )


def _beginnings(judged: frozenset[Observed]) -> list[int]:
    return sorted({len(each.templates) for each in judged if not each.complete})
