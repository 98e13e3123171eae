"""Commands that show what is strange: score, explain."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from deepsentry import feedback, settings, topics, wire
from deepsentry import kafka as broker
from deepsentry.commands.learn import train_version
from deepsentry.commands.output import Json, err, out, print_json
from deepsentry.errors import DataError, NotFound, VersionMissing, VersionRefused
from deepsentry.events import Anomaly, CleanEntry, ModelReference
from deepsentry.settings import Settings
from models.detector import Detector
from models.prepare import Observed
from models.registry import Registry
from streams.alerts import render
from streams.batch import offline
from streams.batch.learning import sanitizer_of
from streams.scoring.score import Scorer
from streams.scoring.texts import CleanRecord, Texts

CHUNK: Final = 1000
SAME: Final = 1e-4


class Reconstruction(msgspec.Struct, frozen=True):
    """An anomaly judged anew from the topics and the registry."""

    anomaly: Anomaly
    score: float
    agrees: bool
    """Whether the score is the one that was published."""


def score(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A log file, plain or gzip; - for stdin.")],
    model: Annotated[str, typer.Option(help="Judge with this model's champion; default: learn from the file.")] = "",
    train_share: Annotated[float, typer.Option(min=0.1, max=0.9, help="Share that is learned from.")] = 0.5,
    key: Annotated[str, typer.Option(help="RE2 pattern of the session id; default: learned from the lines.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="How many anomalies are shown.")] = 10,
    *,
    as_json: Json = False,
) -> None:
    """Print what is odd in a log file and why, the oddest first; learns from its first part unless a model is named."""
    effective, _ = settings.load()
    entries = _entries(effective, file)
    if model:
        registry = Registry(effective.models.registry)
        champion = registry.champion(model)
        if champion is None:
            message = f"there is no champion of {model}; train one with `deepsentry train --name {model}`"
            raise VersionMissing(message)
        detector = registry.load(model, champion.version)
        rest: Iterable[CleanEntry] = offline.key(entries, key or detector.key_pattern).entries
    else:
        lines = list(entries)
        first = int(len(lines) * train_share)
        if not first:
            message = f"{file}: {len(lines)} lines are too few to learn from"
            raise DataError(message)
        version = train_version(effective, lines[:first], key=key)
        detector = Detector(version, ModelReference(file, 0, ""))
        rest = offline.key(lines[first:], version.metadata.key_pattern).entries
    anomalies = sorted(judge(effective, detector, rest, Path(file).name), key=lambda anomaly: -anomaly.score)
    if as_json:
        print_json({"anomalies": anomalies[:limit], "found": len(anomalies)})
        return
    for anomaly in anomalies[:limit]:
        out.print(render.anomaly(anomaly))
    shown = min(limit, len(anomalies))
    err.print(f"{len(anomalies):,} strange sequences, the {shown} oddest shown; threshold: {detector.budget:g} a day")


def judge(effective: Settings, detector: Detector, entries: Iterable[CleanEntry], name: str) -> Iterator[Anomaly]:
    """Yield the anomalies among keyed `entries` of the file `name`, as the score step finds them; offsets are lines."""
    lines: dict[int, bytes] = {}

    def again(_partition: int, offsets: Iterable[int]) -> dict[int, bytes]:
        return {offset: lines[offset] for offset in offsets}

    scorer = Scorer(name, lambda: datetime.now(UTC), Texts(again, most=0))
    scorer.detector = detector
    windows = scorer.open(effective.sequences, offline.AT_REST)
    records = (CleanRecord(entry.raw.offset + 1, offline.ARRIVED, wire.encode(entry)) for entry in entries)
    while chunk := list(islice(records, CHUNK)):
        lines.update((record.offset, record.value) for record in chunk)
        yield from scorer.score(0, windows, chunk).anomalies
    yield from scorer.flush(0, windows).anomalies


def explain(
    anomaly_id: Annotated[
        str, typer.Argument(metavar="ID", help="Id of an anomaly or of an alert, or its first digits.")
    ],
    *,
    as_json: Json = False,
) -> None:
    """Judge an anomaly anew from the topics and the registry, and say why it is one."""
    effective, _ = settings.load()
    anomaly, _ = feedback.find(effective.kafka, anomaly_id)
    again = reconstruct(effective, anomaly)
    if as_json:
        print_json(again)
        return
    out.print(render.anomaly(again.anomaly))
    if again.agrees:
        err.print(f"judged anew: score {again.score:.3f}, as published")
    else:
        err.print(f"judged anew: score {again.score:.3f}, published was {anomaly.score:.3f}")


def reconstruct(effective: Settings, anomaly: Anomaly) -> Reconstruction:
    """Judge the lines of `anomaly` again with the version that it names. Raises NotFound, ModelError, KafkaError."""
    detector = Registry(effective.models.registry).load(anomaly.model.name, anomaly.model.version)
    if detector.reference.digest != anomaly.model.digest:
        message = (
            f"{anomaly.model.name} {anomaly.model.version} in this registry is another than the one that judged: "
            f"digest {detector.reference.digest[:12]}, not {anomaly.model.digest[:12]}"
        )
        raise VersionRefused(message)
    wanted = set(anomaly.positions)
    lines: dict[int, CleanEntry] = {}
    begin = {anomaly.partition: min(wanted)}
    for record in broker.read(effective.kafka, topics.CLEAN.name, begin=begin):
        if record.offset in wanted:
            lines[record.offset] = wire.decode(CleanEntry, record.value)
        if record.offset >= max(wanted):
            break
    if missing := wanted - lines.keys():
        days = topics.CLEAN.retention_ms / 86_400_000
        message = f"{len(missing)} of its {len(wanted)} lines are gone; {topics.CLEAN.name} keeps {days:.0f} days"
        raise NotFound(message)
    templates = tuple(detector.template(lines[offset].message) for offset in anomaly.positions)
    observed = Observed(templates, anomaly.complete, anomaly.kind)
    [verdict] = detector.judge([observed])
    explained = msgspec.structs.replace(anomaly, explanation=detector.explain(observed, verdict))
    return Reconstruction(explained, verdict.score, agrees=abs(verdict.score - anomaly.score) <= SAME)


def _entries(effective: Settings, file: str) -> Iterator[CleanEntry]:
    sanitizer = sanitizer_of(effective)
    counts: Counter[str] = Counter()
    for done in offline.sanitized(offline.records(file, time.time()), sanitizer, ingest=effective.ingest):
        counts["rejected"] += len(done.rejected)
        yield from done.clean
    if counts["rejected"]:
        err.print(f"{counts['rejected']:,} lines could not be used")
