"""When an anomaly is another of the kind that a person judged. Pure.

It is odd in the same views, made of the same statements in nearly the same numbers, and deviates in the same place.
Suppressing whatever shares a template or a fingerprint hides real faults; docs/feedback.md has the figures.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from deepsentry.events import Anomaly, SequenceKind, View
from deepsentry.shapes import Places, distance, moved, places

NEAR: Final = 0.01
"""Distance of log counts up to which two sequences are made of the same."""
MOVED: Final = 0.25
"""Share of the sequence by which a line may stand elsewhere, as requests interleave."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """What an anomaly is compared by."""

    service: str
    kind: SequenceKind
    complete: bool
    views: frozenset[View]
    """Those that fired."""
    place: tuple[str, str, str] | None
    """The deviating statement between its neighbours, where its order is odd; for a missing end, the last one."""
    template: str
    counts: Mapping[str, int]
    """Statement -> its lines."""
    places: Places[str]

    @classmethod
    def of(cls, anomaly: Anomaly) -> Self | None:
        """Return None for an anomaly without a shape: then nothing is like it."""
        shape = anomaly.shape
        if shape is None:
            return None
        texts = [shape.texts[line] for line in shape.lines]
        views = frozenset(view.view for view in anomaly.explanation.views if view.score > 1)
        return cls(
            service=anomaly.service,
            kind=anomaly.kind,
            complete=anomaly.complete,
            views=views,
            place=_place(texts, anomaly.explanation.deviation) if "sequence" in views else None,
            template=anomaly.explanation.template,
            counts=Counter(texts),
            places=places(texts),
        )

    def is_like(self, other: Self, near: float = NEAR) -> bool:
        """Tell whether both are of one kind, their distance at most `near`; the same whichever is asked."""
        return (
            self.service == other.service
            and self.kind == other.kind
            and self.complete == other.complete
            and self.views == other.views
            and self.template == other.template
            and self.place == other.place
            and self.counts.keys() == other.counts.keys()
            and distance(self.counts, other.counts) <= near
            and moved(self.places, other.places) <= MOVED
        )


def _place(texts: list[str], deviation: int | None) -> tuple[str, str, str]:
    padded = ["", *texts, ""]
    at = len(texts) if deviation is None else min(deviation, len(texts)) + 1
    return padded[at - 1], padded[at], padded[min(at + 1, len(padded) - 1)]
