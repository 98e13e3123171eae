"""Messages <-> weights and bounded numbers. Whatever does not look exactly so is refused, on both sides."""

import math
from collections.abc import Mapping
from typing import Final

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict

from deepsentry.errors import FederationError, VersionRefused
from models.shared import Weights, checked

ARRAYS: Final = "arrays"
CURRENT: Final = "current"
CONFIG: Final = "config"
METRICS: Final = "metrics"
WEIGHT: Final = "num-examples"
REPORTABLE: Final[dict[str, tuple[float, float]]] = {
    WEIGHT: (1.0, 1e7),
    "loss": (0.0, 1e3),
    "auc": (0.0, 1.0),
    "current-auc": (0.0, 1.0),
    "epsilon": (0.0, 1e6),
    "adopted": (0.0, 1.0),
}
"""All numbers that may leave a site, with their bounds."""

Facts = dict[str, float]


def to_arrays(weights: Weights) -> ArrayRecord:
    """Return weights as a record; always float32."""
    return ArrayRecord({name: Array(np.ascontiguousarray(w, np.float32)) for name, w in sorted(weights.items())})


def from_arrays(record: ArrayRecord) -> Weights:
    """Return the weights in a record. Raises VersionRefused."""
    try:
        return checked({name: array.numpy() for name, array in record.items()})
    except (ValueError, TypeError, EOFError, OSError, KeyError, SyntaxError) as error:
        message = f"an array cannot be read: {type(error).__name__}"
        raise VersionRefused(message) from None


def cast(record: ArrayRecord) -> ArrayRecord:
    """Return a record of a strategy as float32; FedAdam gives float64."""
    return ArrayRecord({name: Array(array.numpy().astype(np.float32)) for name, array in record.items()})


def content(config: Mapping[str, str | int | float | bool], **arrays: Weights) -> RecordDict:
    """Return what a message to a site holds."""
    records: dict[str, ArrayRecord | ConfigRecord | MetricRecord] = {n: to_arrays(w) for n, w in arrays.items()}
    return RecordDict({**records, CONFIG: ConfigRecord(dict(config))})


def answer(to: Message, facts: Facts, weights: Weights | None = None) -> Message:
    """Return a site's reply."""
    records: dict[str, ArrayRecord | ConfigRecord | MetricRecord] = {
        METRICS: MetricRecord(dict[str, int | float | list[int] | list[float]](bounded(facts)))
    }
    if weights is not None:
        records[ARRAYS] = to_arrays(weights)
    return Message(RecordDict(records), reply_to=to)


def weighed(weights: Weights, weight: float) -> RecordDict:
    """Return what a strategy is shown of a site."""
    return RecordDict({ARRAYS: to_arrays(weights), METRICS: MetricRecord({WEIGHT: weight})})


def bounded(facts: Mapping[str, object]) -> dict[str, float]:
    """Return numbers that may be told. Raises FederationError for another name, or one out of its bounds."""
    found: dict[str, float] = {}
    for name, value in facts.items():
        if name not in REPORTABLE:
            message = f"{name[:40]!r} is no number that a site may tell"
            raise FederationError(message)
        least, most = REPORTABLE[name]
        if (
            not isinstance(value, (int, float))
            or isinstance(value, bool)
            or not math.isfinite(value)
            or not least <= value <= most
        ):
            message = f"{name} is not a number from {least:g} to {most:g}"
            raise FederationError(message)
        found[name] = float(value)
    return found


def facts_of(reply: Message) -> Facts:
    """Return the numbers in a reply. Raises FederationError."""
    records = reply.content.metric_records
    if set(records) != {METRICS}:
        message = "the reply has not exactly one record of metrics"
        raise FederationError(message)
    return bounded(records[METRICS])


def trained(reply: Message) -> tuple[Weights, Facts]:
    """Return the weights and numbers in a reply to a training. Raises VersionRefused or FederationError."""
    if set(reply.content) != {ARRAYS, METRICS} or set(reply.content.array_records) != {ARRAYS}:
        message = "the reply does not hold exactly weights and metrics"
        raise FederationError(message)
    facts = facts_of(reply)
    if WEIGHT not in facts:
        message = f"the reply does not tell {WEIGHT}"
        raise FederationError(message)
    return from_arrays(reply.content.array_records[ARRAYS]), facts
