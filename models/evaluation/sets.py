"""Labelled lines and sequences become benchmarks, divided by time. Labels are for the figures; training sees none."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from deepsentry.errors import DataError
from deepsentry.events import SequenceKind
from models.evaluation.protocol import Benchmark, Case
from models.prepare import LoggedSequence

RATE: Final = 0.001
"""Share of normal sequences that may be flagged, where a benchmark asks for none."""


@dataclass(frozen=True, slots=True)
class LabelledLine:
    """A sanitized line, the sequence or source it belongs to, and whether an operator marked it."""

    key: str
    kind: SequenceKind
    at: float
    message: str
    anomalous: bool = False


@dataclass(frozen=True, slots=True)
class LabelledSequence:
    """A sequence, whether it is anomalous, and the times of its marked lines."""

    sequence: LoggedSequence
    anomalous: bool
    marked: tuple[float, ...] = ()


def gather(
    lines: Iterable[LabelledLine], window: int, keys: Mapping[str, bool] | None = None
) -> list[LabelledSequence]:
    """Put lines into whole sessions, and those of sources without sessions into windows of `window` lines, by time.

    A sequence is anomalous where `keys` says so or one of its lines is marked.
    """
    sessions: dict[str, list[LabelledLine]] = defaultdict(list)
    open_: dict[str, list[LabelledLine]] = defaultdict(list)
    found: list[LabelledSequence] = []
    for line in lines:
        if line.kind == "session":
            sessions[line.key].append(line)
            continue
        held = open_[line.key]
        held.append(line)
        if len(held) == window:
            found.append(_labelled(held, keys))
            held.clear()
    found += [_labelled(held, keys) for held in (*sessions.values(), *open_.values()) if held]
    return sorted(found, key=lambda f: f.sequence.start)


def chronological(
    name: str,
    found: Sequence[LabelledSequence],
    *,
    train_share: float,
    validation_share: float,
    contaminated: bool,
    rate: float = RATE,
) -> Benchmark:
    """Train on the first sequences, read thresholds from the next, test on the rest. Raises DataError.

    Unless `contaminated`, what is marked anomalous is taken out of the first two parts.
    """
    split = int(len(found) * (train_share + validation_share))
    first, rest = found[:split], found[split:]
    if not first or not rest:
        message = f"{name}: {len(found)} sequences are too few to divide into training and test"
        raise DataError(message)
    training = [f.sequence for f in first if contaminated or not f.anomalous]
    anomalous = sum(f.anomalous for f in rest)
    return Benchmark(
        name,
        training,
        validation_share / (train_share + validation_share),
        [Case(f.sequence, f.anomalous) for f in rest],
        max(f.sequence.end for f in found),
        rate,
        {
            "split": f"by first line: {train_share:g} training, {validation_share:g} validation, the rest test",
            "training": "unlabelled, anomalies left in" if contaminated else "anomalies taken out",
            "training_sequences": len(training),
            "anomalies_in_training": sum(f.anomalous for f in first) if contaminated else 0,
            "test_sequences": len(rest),
            "test_anomalies": anomalous,
            "false_alarm_rate_allowed": rate,
            "threshold": "from validation only",
        },
    )


def logdeep(
    rows: Iterable[tuple[tuple[int, ...], str, bool]], texts: Mapping[int, str], rate: float = RATE
) -> Benchmark:
    """Return the published split of (event ids, "train" or a test part, anomalous); it carries no times."""
    training: list[LoggedSequence] = []
    tests: dict[tuple[tuple[int, ...], bool], int] = defaultdict(int)
    for events, split, anomalous in rows:
        if split == "train":
            training.append(_of_events(events, texts, len(training)))
        else:
            tests[events, anomalous] += 1
    return Benchmark(
        "hdfs-logdeep",
        training,
        0.2,
        [Case(_of_events(e, texts, len(training)), a, n) for (e, a), n in tests.items()],
        float("inf"),
        rate,
        {
            "split": "as published: 4,855 normal training sessions, the last fifth for validation; no padding",
            "training": "anomalies taken out",
            "training_sequences": len(training),
            "test_sequences": sum(tests.values()),
            "test_anomalies": sum(n for (_, a), n in tests.items() if a),
            "false_alarm_rate_allowed": rate,
            "threshold": "from validation only",
        },
    )


def _of_events(events: tuple[int, ...], texts: Mapping[int, str], place: int) -> LoggedSequence:
    messages = tuple(texts[event] for event in events)
    return LoggedSequence(str(place), "session", float(place), float(place), messages, complete=True)


def _labelled(lines: Sequence[LabelledLine], keys: Mapping[str, bool] | None) -> LabelledSequence:
    key, kind = lines[0].key, lines[0].kind
    times = tuple(line.at for line in lines)
    marked = tuple(line.at for line in lines if line.anomalous)
    messages = tuple(line.message for line in lines)
    sequence = LoggedSequence(key, kind, times[0], max(times), messages, complete=True, times=times)
    return LabelledSequence(sequence, bool(marked) or bool(keys and keys.get(key)), marked)
