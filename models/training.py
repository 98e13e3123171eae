"""From unlabelled sequences to a version: prepare, fit the networks, finish. Keras is called only inside `train`."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.artifact import TrainedVersion
from models.encoder import WIDTH, Encoder
from models.finishing import Networks, finish
from models.fitting import Part
from models.intake import Progress
from models.prepare import LoggedSequence, Observed
from models.preparing import TrainingOptions, prepare
from models.sequence import Network, Walk

if TYPE_CHECKING:
    from models.keras.sequence import Example

__all__ = ["TrainingOptions", "train", "train_encoder"]


def train(
    sequences: Iterable[LoggedSequence],
    options: TrainingOptions,
    progress: Progress,
    clock: Callable[[], float] = time.perf_counter,
) -> TrainedVersion:
    """Return a version learned from unlabelled sequences. Raises TrainingError with what is missing."""
    began = clock()
    rng = np.random.default_rng(options.seed)
    prepared = prepare(sequences, options, rng, progress)
    encoder = train_encoder(prepared.templates, options, progress)
    vectors = np.array([encoder.encode(text) for text in prepared.templates]).reshape(-1, WIDTH)
    network, epochs, loss = _train_network(vectors, prepared.part, options, progress)
    fitted = Networks(encoder, network, {"validation_loss": round(loss, 4), "epochs": float(epochs)})
    version = finish(prepared, fitted, options, rng, progress)
    metrics = {**version.metadata.metrics, "seconds": round(clock() - began, 2)}
    metadata = msgspec.structs.replace(version.metadata, metrics=metrics)
    return replace(version, metadata=metadata)


def train_encoder(templates: Sequence[str], options: TrainingOptions, progress: Progress) -> Encoder:
    """Return an encoder trained on these statements alone."""
    from models.keras.runtime import prepare  # noqa: PLC0415  (TensorFlow loads only when training)

    prepare(options.seed)
    from models.keras import encoder  # noqa: PLC0415

    return encoder.train_encoder(
        templates, options.seed, options.encoder_steps, lambda done, total: progress("encoder", done, total)
    )


def examples(sequences: Sequence[Observed]) -> "list[Example]":
    """Return distinct sequences as the LSTM learns from them, with how often each occurred."""
    from models.keras.sequence import Example  # noqa: PLC0415

    found = Counter((tuple(t for t in o.templates if t >= 0), o.kind) for o in sequences)
    return [
        Example(Walk(rows, begins=kind == "session"), ends=kind == "session", weight=float(n))
        for (rows, kind), n in found.items()
        if rows
    ]


def _train_network(
    vectors: NDArray[np.float64], part: Part, options: TrainingOptions, progress: Progress
) -> tuple[Network, int, float]:
    from models.keras.sequence import train_sequence  # noqa: PLC0415

    return train_sequence(
        vectors,
        examples(part.training),
        examples(part.validation),
        seed=options.seed,
        epochs=options.epochs,
        progress=lambda done, total: progress("sequence", done, total),
    )
