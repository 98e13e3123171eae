"""From unlabelled sequences to a version: read, cluster, trim, fit, calibrate. Keras is called only inside `train`."""

import platform
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version as installed
from typing import Final

import numpy as np
from numpy.typing import NDArray

from deepsentry.errors import TrainingError
from models.artifact import (
    FORMAT,
    MAX_NEIGHBOURS,
    Metadata,
    Statement,
    ThresholdsFile,
    TrainedVersion,
    VocabularyFile,
)
from models.calibration import allowed_rate
from models.encoder import WIDTH, Encoder
from models.fitting import Part, Views, calibrate_views, rewording_thresholds
from models.intake import NOTHING, Corpus, Progress, take
from models.known import Judged
from models.lessons import Lessons
from models.patience import complete, waiting_times
from models.precedence import OCCURRENCES, Precedence
from models.prepare import LoggedSequence, Observed
from models.profile import Counts, counts, matrix, weights
from models.recalibration import recalibrate
from models.sequence import UNITS, Network, Walk, usual_shares
from models.trimming import Trimmed, trim
from models.vocabulary import Vocabulary, learn

MIN_SEQUENCES: Final = 40
MIN_SECONDS: Final = 1.0


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

    def __post_init__(self) -> None:
        """Raise TrainingError for a value out of range."""
        if not 0.05 <= self.validation_share <= 0.5:  # noqa: PLR2004
            message = f"validation_share is {self.validation_share}; it must be .05 to .5"
            raise TrainingError(message)
        if not self.budget > 0:
            message = f"budget is {self.budget}; it must be above 0 false alarms a day"
            raise TrainingError(message)


def train(
    sequences: Iterable[LoggedSequence],
    options: TrainingOptions,
    progress: Progress,
    clock: Callable[[], float] = time.perf_counter,
    judged: Sequence[Judged] = (),
) -> TrainedVersion:
    """Return a version learned from sequences without labels, and from what people `judged`. Raises TrainingError."""
    began = clock()
    corpus = take(sequences, progress)
    _check(corpus)
    rng = np.random.default_rng(options.seed)
    templates = learn({text: int(n) for text, n in zip(corpus.texts, corpus.lines, strict=True)})
    vocabulary = Vocabulary(templates)
    lines = _lines(corpus, vocabulary)
    patience = waiting_times(corpus.sequences, lines, len(templates))
    over = max(t.end for t in corpus.sequences)
    observed = [
        Observed(ids, complete(t, ids, patience, over), t.kind) for t, ids in zip(corpus.sequences, lines, strict=True)
    ]
    progress("trim", 0, 1)
    lessons = Lessons.of(judged, vocabulary)
    trimmed = lessons.correct(trim(observed, templates, rng), observed)
    progress("trim", 1, 1)
    split = len(observed) - max(int(len(observed) * options.validation_share), 1)
    part = _part(observed, trimmed, split, lessons.missing(observed))
    if len(part.training) < MIN_SEQUENCES // 2 or not part.validation:
        message = (
            f"only {len(part.training)} training and {len(part.validation)} validation sequences are complete and "
            f"normal; at least {MIN_SEQUENCES // 2} and 1 are needed: give it more data"
        )
        raise TrainingError(message)
    normal = np.zeros(len(templates), np.bool_)
    normal[
        sorted({t for o, keep in zip(observed, trimmed.keep, strict=True) if keep for t in o.templates} - {NOTHING})
    ] = True
    encoder = train_encoder(templates, options, progress)
    vectors = np.array([encoder.encode(text) for text in templates]).reshape(-1, WIDTH)
    same, alike = rewording_thresholds(templates, vectors, encoder, rng)
    network, epochs, loss = _train_network(vectors, part, options, progress)
    mass = Counter(counts(o.templates, len(templates)) for o in part.training)
    weight = _weights(mass, len(templates))
    span = max(corpus.sequences[-1].start - corpus.sequences[0].start, MIN_SECONDS)
    rate = allowed_rate(options.budget, len(corpus.sequences), span)
    usual = _usual(part.training, len(templates))
    sessions = Counter(o.templates for o in (*part.training, *part.validation) if o.kind == "session")
    precedence = Precedence.of(sessions)
    views = Views(tuple(templates), vectors, normal, network, usual, precedence, mass, weight, same, alike)
    thresholds, metrics = calibrate_views(views, part, rate, rng, progress)
    mass.update(counts(o.templates, len(templates)) for o in part.validation)
    metrics |= {
        "validation_loss": round(loss, 4),
        "epochs": float(epochs),
        "set_aside_share": round(1.0 - float(trimmed.keep.mean()), 4),
        "sequences_a_day": round(len(corpus.sequences) * 86_400 / span, 1),
        "seconds": round(clock() - began, 2),
    }
    version = TrainedVersion(
        metadata=_metadata(
            corpus, part, trimmed, options, metrics, templates, sum(not o.complete for o in observed), thresholds
        ),
        vocabulary=VocabularyFile(
            tuple(
                Statement(text, bool(kept), round(float(seconds), 3))
                for text, kept, seconds in zip(templates, normal, patience, strict=True)
            )
        ),
        thresholds=thresholds,
        arrays={
            **_arrays(encoder, network),
            **_profile_arrays(mass, weight),
            "sequence.usual": usual.astype(np.float32),
            "precedence.events": np.array(precedence.known, np.int32).reshape(-1, 2),
            "precedence.before": precedence.before,
        },
    )
    return recalibrate(version, judged)


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


def _part(observed: Sequence[Observed], trimmed: Trimmed, split: int, more: Sequence[Observed]) -> Part:
    usable = [o.complete and bool(keep) for o, keep in zip(observed, trimmed.keep, strict=True)]
    return Part(
        (*more, *(o for o, use in zip(observed[:split], usable[:split], strict=True) if use)),
        tuple(o for o, use in zip(observed[split:], usable[split:], strict=True) if use),
    )


def train_encoder(templates: Sequence[str], options: TrainingOptions, progress: Progress) -> Encoder:
    """Return an encoder trained on these statements alone."""
    from models.keras.runtime import prepare  # noqa: PLC0415  (TensorFlow loads only when training)

    prepare(options.seed)
    from models.keras import encoder  # noqa: PLC0415

    return encoder.train_encoder(
        templates, options.seed, options.encoder_steps, lambda done, total: progress("encoder", done, total)
    )


def _train_network(
    vectors: NDArray[np.float64], part: Part, options: TrainingOptions, progress: Progress
) -> tuple[Network, int, float]:
    from models.keras.sequence import Example, train_sequence  # noqa: PLC0415

    def examples(sequences: Sequence[Observed]) -> list[Example]:
        found = Counter((tuple(t for t in o.templates if t >= 0), o.kind) for o in sequences)
        return [
            Example(Walk(rows, begins=kind == "session"), ends=kind == "session", weight=float(n))
            for (rows, kind), n in found.items()
            if rows
        ]

    return train_sequence(
        vectors,
        examples(part.training),
        examples(part.validation),
        seed=options.seed,
        epochs=options.epochs,
        progress=lambda done, total: progress("sequence", done, total),
    )


def _usual(training: Sequence[Observed], templates: int) -> NDArray[np.float64]:
    lines = [[t for t in o.templates if t != NOTHING] for o in training]
    return usual_shares(lines, sum(o.kind == "session" for o in training), templates)


def _weights(mass: Counter[Counts], templates: int) -> NDArray[np.float32]:
    distinct = sorted(mass)
    return weights(matrix(distinct, templates), np.array([mass[p] for p in distinct], np.int64))


def _arrays(encoder: Encoder, network: Network) -> dict[str, NDArray[np.generic]]:
    return {
        "encoder.embedding": encoder.embedding,
        "encoder.kernel": encoder.kernel,
        "encoder.bias": encoder.bias,
        "lstm.kernel": network.kernel,
        "lstm.recurrent": network.recurrent,
        "lstm.bias": network.bias,
        "query.kernel": network.query,
        "query.bias": network.query_bias,
        "key.kernel": network.key,
        "mark.start": network.start,
        "mark.cut": network.cut,
        "mark.end": network.end,
    }


def _profile_arrays(mass: Counter[Counts], weight: NDArray[np.float32]) -> dict[str, NDArray[np.generic]]:
    chosen = [p for p, _ in sorted(mass.items(), key=lambda item: (-item[1], item[0])) if p][:MAX_NEIGHBOURS]
    rows = [(row, template, n) for row, profile in enumerate(chosen) for template, n in profile]
    return {"profile.weights": weight, "profile.rows": np.array(rows, np.int32).reshape(-1, 3)}


def _metadata(
    corpus: Corpus,
    part: Part,
    trimmed: Trimmed,
    options: TrainingOptions,
    metrics: dict[str, float],
    templates: Sequence[str],
    incomplete: int,
    thresholds: ThresholdsFile,
) -> Metadata:
    from models.keras.runtime import release  # noqa: PLC0415

    needed = max(
        c.needed
        for k in (thresholds.session, thresholds.window)
        for c in (k.novelty, k.profile, k.sequence, k.precedence)
    )
    notes = []
    if needed:
        notes.append(
            f"the budget of {options.budget:g} false alarms a day is finer than the data shows: thresholds lie beyond "
            f"the validation data, and {needed} more normal sequences are needed to read them from it"
        )
    if corpus.offered > len(corpus.sequences):
        notes.append(f"{corpus.offered} sequences were offered and {len(corpus.sequences)} taken, evenly spread")
    return Metadata(
        format=FORMAT,
        created_at="",
        data_start=_time(corpus.sequences[0].start),
        data_end=_time(max(t.end for t in corpus.sequences)),
        budget=options.budget,
        key_pattern=options.key_pattern,
        rules=options.rules,
        seed=options.seed,
        counts={
            "sequences": len(corpus.sequences),
            "lines": int(corpus.lines.sum()),
            "templates": len(templates),
            "training": len(part.training),
            "validation": len(part.validation),
            "sessions": sum(t.kind == "session" for t in corpus.sequences),
            "incomplete": incomplete,
        },
        set_aside=trimmed.reasons,
        metrics=metrics,
        architecture={
            "encoder": f"hashed words and 3-, 4-grams, mean embedding {WIDTH}, dense {WIDTH}",
            "sequence": f"LSTM {UNITS}, tied output {WIDTH}, start, cut and end marks",
            "precedence": f"orders of the first {OCCURRENCES} lines of each statement",
            "profile": "nearest neighbour on log counts",
        },
        software={
            "python": platform.python_version(),
            **{name: installed(name) for name in ("numpy", "keras", "safetensors")},
            "tensorflow": release(),
        },
        notes=tuple(notes),
    )


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
