"""From sequences to what can be learned from: read, cluster, wait out, trim, divide by time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from deepsentry.errors import TrainingError
from models.fitting import Part
from models.intake import NOTHING, Corpus, Progress, take
from models.known import Judged
from models.lessons import set_aside
from models.patience import complete, waiting_times
from models.prepare import LoggedSequence, Observed
from models.trimming import Trimmed, trim
from models.vocabulary import Vocabulary, learn

MIN_SEQUENCES: Final = 40


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """What a training may be told; the defaults are meant to hold everywhere."""

    budget: float = 10.0
    """False alarms a day, at most."""
    validation_share: float = 0.2
    """The later part of the data by time that thresholds are read from, .05 to .5."""
    seed: int = 0
    epochs: int = 30
    """At most; training stops by itself when validation no longer improves."""
    encoder_steps: int = 200
    key_pattern: str = ""
    rules: str = ""
    """Version of the redaction rules that cleaned the data."""
    origin: tuple[tuple[str, str], ...] = ()
    """Who asked for it; it is kept in the metadata."""
    judged: tuple[Judged, ...] = ()
    """What people said of sequences."""

    def __post_init__(self) -> None:
        """Raise TrainingError for a value out of range."""
        if not 0.05 <= self.validation_share <= 0.5:  # noqa: PLR2004
            message = f"validation_share is {self.validation_share}; it must be .05 to .5"
            raise TrainingError(message)
        if not self.budget > 0:
            message = f"budget is {self.budget}; it must be above 0 false alarms a day"
            raise TrainingError(message)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A site's data as training sees it: template ids and what is held normal. It never leaves the site."""

    corpus: Corpus
    templates: tuple[str, ...]
    patience: NDArray[np.float64]
    observed: tuple[Observed, ...]
    trimmed: Trimmed
    part: Part

    @property
    def owners(self) -> tuple[str, ...]:
        """Return the key of each training sequence."""
        kept = zip(self.corpus.sequences, self.observed, self.trimmed.keep, strict=True)
        return tuple(t.key for t, o, keep in kept if o.complete and keep)[: len(self.part.training)]

    @property
    def normal(self) -> NDArray[np.bool_]:
        """Return which templates occur in sequences held normal."""
        normal = np.zeros(len(self.templates), np.bool_)
        kept = (o for o, keep in zip(self.observed, self.trimmed.keep, strict=True) if keep)
        normal[sorted({t for o in kept for t in o.templates} - {NOTHING})] = True
        return normal


def prepare(
    sequences: Iterable[LoggedSequence], options: TrainingOptions, rng: np.random.Generator, progress: Progress
) -> Prepared:
    """Return what can be learned from. Raises TrainingError with what is missing."""
    corpus = take(sequences, progress)
    _check(corpus)
    templates = learn({text: int(n) for text, n in zip(corpus.texts, corpus.lines, strict=True)})
    vocabulary = Vocabulary(templates)
    lines = _lines(corpus, vocabulary)
    patience = waiting_times(corpus.sequences, lines, len(templates))
    over = max(t.end for t in corpus.sequences)
    observed = [
        Observed(ids, complete(t, ids, patience, over), t.kind) for t, ids in zip(corpus.sequences, lines, strict=True)
    ]
    progress("trim", 0, 1)
    trimmed = trim(observed, templates, rng)
    if options.judged:
        trimmed = set_aside(trimmed, observed, options.judged, vocabulary)
    progress("trim", 1, 1)
    split = len(observed) - max(int(len(observed) * options.validation_share), 1)
    part = _part(observed, trimmed, split)
    if len(part.training) < MIN_SEQUENCES // 2 or not part.validation:
        message = (
            f"only {len(part.training)} training and {len(part.validation)} validation sequences are complete and "
            f"normal; at least {MIN_SEQUENCES // 2} and 1 are needed: give it more data"
        )
        raise TrainingError(message)
    return Prepared(corpus, tuple(templates), patience, tuple(observed), trimmed, part)


def _check(corpus: Corpus) -> None:
    found = len(corpus.sequences)
    if found < MIN_SEQUENCES:
        message = f"{found} sequences are too few to learn from; at least {MIN_SEQUENCES} are needed: give it more data"
        raise TrainingError(message)


def _lines(corpus: Corpus, vocabulary: Vocabulary) -> list[tuple[int, ...]]:
    """Return the template ids of all sequences; NOTHING for the few texts beyond the limits."""
    ids = [vocabulary.match(text) for text in corpus.texts]
    table = np.array([NOTHING if found is None else found for found in ids] + [NOTHING], np.int64)
    return [tuple(table[t.lines].tolist()) for t in corpus.sequences]


def _part(observed: Sequence[Observed], trimmed: Trimmed, split: int) -> Part:
    usable = [o.complete and bool(keep) for o, keep in zip(observed, trimmed.keep, strict=True)]
    return Part(
        tuple(o for o, use in zip(observed[:split], usable[:split], strict=True) if use),
        tuple(o for o, use in zip(observed[split:], usable[split:], strict=True) if use),
    )
