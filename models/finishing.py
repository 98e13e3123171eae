"""From fitted networks and a site's own data to a version: profiles, orders, thresholds, metadata."""

import platform
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version as installed
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.artifact import (
    FORMAT,
    MAX_NEIGHBOURS,
    Federation,
    Metadata,
    Statement,
    ThresholdsFile,
    TrainedVersion,
    VocabularyFile,
)
from models.calibration import allowed_rate
from models.encoder import WIDTH, Encoder
from models.fitting import Views, calibrate_views, rewording_thresholds
from models.intake import NOTHING, Progress
from models.precedence import OCCURRENCES, Precedence
from models.prepare import Observed
from models.preparing import Prepared, TrainingOptions
from models.profile import Counts, counts, matrix, weights
from models.recalibration import recalibrate
from models.sequence import UNITS, Network, usual_shares

MIN_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Networks:
    """The encoder, the LSTM over its vectors, and what their training showed."""

    encoder: Encoder
    network: Network
    metrics: dict[str, float]
    federation: Federation | None = None


def finish(
    prepared: Prepared, fitted: Networks, options: TrainingOptions, rng: np.random.Generator, progress: Progress
) -> TrainedVersion:
    """Return the version of these networks for the data they are given: calibrated on it, and on nothing else."""
    corpus, part, templates = prepared.corpus, prepared.part, prepared.templates
    encoder, network = fitted.encoder, fitted.network
    normal = prepared.normal
    vectors = np.array([encoder.encode(text) for text in templates]).reshape(-1, WIDTH)
    same, alike = rewording_thresholds(templates, vectors, encoder, rng)
    mass = Counter(counts(o.templates, len(templates)) for o in part.training)
    weight = _weights(mass, len(templates))
    span = max(corpus.sequences[-1].start - corpus.sequences[0].start, MIN_SECONDS)
    rate = allowed_rate(options.budget, len(corpus.sequences), span)
    usual = _usual(part.training, len(templates))
    sessions = Counter(o.templates for o in (*part.training, *part.validation) if o.kind == "session")
    precedence = Precedence.of(sessions)
    views = Views(templates, vectors, normal, network, usual, precedence, mass, weight, same, alike)
    thresholds, metrics = calibrate_views(views, part, rate, rng, progress)
    mass.update(counts(o.templates, len(templates)) for o in part.validation)
    metrics |= {
        **fitted.metrics,
        "set_aside_share": round(1.0 - float(prepared.trimmed.keep.mean()), 4),
        "sequences_a_day": round(len(corpus.sequences) * 86_400 / span, 1),
    }
    version = TrainedVersion(
        metadata=_metadata(prepared, options, metrics, thresholds, fitted.federation),
        vocabulary=VocabularyFile(
            tuple(
                Statement(text, bool(kept), round(float(seconds), 3))
                for text, kept, seconds in zip(templates, normal, prepared.patience, strict=True)
            )
        ),
        thresholds=thresholds,
        arrays={
            **arrays_of(encoder, network),
            **_profile_arrays(mass, weight),
            "sequence.usual": usual.astype(np.float32),
            "precedence.events": np.array(precedence.known, np.int32).reshape(-1, 2),
            "precedence.before": precedence.before,
        },
    )
    return recalibrate(version, options.judged)


def _usual(training: Sequence[Observed], templates: int) -> NDArray[np.float64]:
    lines = [[t for t in o.templates if t != NOTHING] for o in training]
    return usual_shares(lines, sum(o.kind == "session" for o in training), templates)


def _weights(mass: Counter[Counts], templates: int) -> NDArray[np.float32]:
    distinct = sorted(mass)
    return weights(matrix(distinct, templates), np.array([mass[p] for p in distinct], np.int64))


def arrays_of(encoder: Encoder, network: Network) -> dict[str, NDArray[np.generic]]:
    """Return the weights of both networks by the names that a version has for them."""
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
    prepared: Prepared,
    options: TrainingOptions,
    metrics: dict[str, float],
    thresholds: ThresholdsFile,
    federation: Federation | None,
) -> Metadata:
    from models.keras.runtime import release  # noqa: PLC0415

    corpus, part = prepared.corpus, prepared.part
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
            "templates": len(prepared.templates),
            "training": len(part.training),
            "validation": len(part.validation),
            "sessions": sum(t.kind == "session" for t in corpus.sequences),
            "incomplete": sum(not o.complete for o in prepared.observed),
        },
        set_aside=prepared.trimmed.reasons,
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
        origin=dict(options.origin),
        federation=federation,
    )


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
