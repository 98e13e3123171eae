"""The demo of a federation: five sites learn together; what that was worth beside each alone and all in one place."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

from aggregator.audit import Line
from aggregator.keeping import JobFolder
from aggregator.versions import Versions
from deepsentry import wire
from deepsentry.demo.cluster import Cluster
from deepsentry.demo.slices import KEY, Slice
from deepsentry.errors import FederationError
from deepsentry.events import ModelReference
from deepsentry.events.work import Job, JobReport
from models.artifact import TrainedVersion
from models.detector import Detector
from models.evaluation.protocol import templates_of, verdicts_on
from models.evaluation.simple import set_unseen
from models.prepare import LoggedSequence, Observed
from models.registry import Registry

JOB: Final = "demo"
MODEL: Final = "detector"
WITHIN: Final = 900.0

Read = Callable[[Sequence[bytes]], list[LoggedSequence]]
"""Lines -> the sequences that a site's own pipeline sees in them."""
Train = Callable[[Sequence[LoggedSequence]], TrainedVersion]


class Narrator(Protocol):
    """Tells a person what happens."""

    def phase(self, text: str) -> None:
        """Say what happens now."""

    def report(self, report: JobReport) -> None:
        """Show how far the job is."""


@dataclass(frozen=True, slots=True)
class Score:
    """Of one way to learn, over the later requests of all sites."""

    f1: float
    found: int
    false: int
    missed: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it."""

    state: str
    message: str
    version: ModelReference | None
    scores: dict[str, Score]
    wire: dict[str, dict[str, int]]
    """Site -> bytes of messages in and out, and bytes of the log that stayed."""
    seconds: dict[str, float] = field(default_factory=dict)
    rounds: tuple[dict[str, float], ...] = ()
    """Of each round: its seconds, those of the site that trained longest, and what lies beside."""


def run(
    folder: Path,
    places: Mapping[str, Slice],
    parameters: Mapping[str, str | int | float | bool],
    environ: Mapping[str, str],
    read: Read,
    train: Train,
    narrator: Narrator,
) -> Outcome:
    """Run everything in `folder`. Raises DeepSentryError where it could not run."""
    seconds: dict[str, float] = {}
    began = time.monotonic()
    narrator.phase("starting the aggregator: SuperLink behind token and TLS, its executor, its worker")
    with Cluster(folder, environ) as cluster:
        narrator.phase(f"{len(places)} sites join, each with a kit, keys of its own and its own log")
        cluster.join({name: place.log for name, place in places.items()}, KEY)
        seconds["start"] = round(time.monotonic() - began, 1)
        began = time.monotonic()
        job = Job(JOB, "federate", "", "", "demo", MODEL, datetime.now(UTC), dict(parameters))
        last = cluster.run(job, narrator.report, WITHIN)
        seconds["federation"] = round(time.monotonic() - began, 1)
        if last.state not in {"registered", "rejected"}:
            message = f"the job ended as {last.state}: {last.message}"
            raise FederationError(message)
        crossed = {name: _crossed(cluster.site_folder(name)) for name in places}
        if last.version is not None:
            Versions(cluster.home.versions).read(last.version.name, last.version.version)  # it is whole, or this raises
        rounds = _rounds(cluster, tuple(places))
    narrator.phase(
        "the sites have versions of their own; learning alone and in one place too, and judging what came later"
    )
    began = time.monotonic()
    scores = _scores(cluster, places, read, train) if last.state == "registered" else {}
    seconds["comparison"] = round(time.monotonic() - began, 1)
    return Outcome(last.state, last.message, last.version, scores, crossed, seconds, rounds)


def _scores(cluster: Cluster, places: Mapping[str, Slice], read: Read, train: Train) -> dict[str, Score]:
    logs = {name: read(place.log) for name, place in places.items()}
    later = {name: read(place.later) for name, place in places.items()}
    everything = sorted((s for log in logs.values() for s in log), key=lambda s: s.start)
    pooled = Detector(train(everything), ModelReference(MODEL, 0, ""))
    flags: dict[str, list[tuple[bool, bool]]] = {"pooled": [], "federated": [], "local-only": [], "set-unseen": []}
    for name, place in places.items():
        truth = [sequence.key in place.wrong for sequence in later[name]]
        version, reference = Registry(cluster.site_folder(name) / "registry").read(MODEL, 1)
        alone = Detector(train(logs[name]), ModelReference(MODEL, 0, ""))
        judged = {
            "pooled": _flagged(pooled, later[name]),
            "federated": _flagged(Detector(version, reference), later[name]),
            "local-only": _flagged(alone, later[name]),
        }
        unseen = set_unseen([templates_of(alone, sequence) for sequence in logs[name]])
        judged["set-unseen"] = [unseen(templates_of(alone, sequence)) > 0 for sequence in later[name]]
        for way, flagged in judged.items():
            flags[way] += zip(flagged, truth, strict=True)
    return {way: _score(found) for way, found in flags.items()}


def _flagged(detector: Detector, sequences: Sequence[LoggedSequence]) -> list[bool]:
    observed = [Observed(templates_of(detector, s), s.complete, s.kind) for s in sequences]
    return [verdict.score > 1 for verdict in verdicts_on(detector, observed)]


def _score(flags: Sequence[tuple[bool, bool]]) -> Score:
    found = sum(flag and true for flag, true in flags)
    false = sum(flag and not true for flag, true in flags)
    missed = sum(true and not flag for flag, true in flags)
    return Score(round(2 * found / max(2 * found + false + missed, 1), 4), found, false, missed)


def _rounds(cluster: Cluster, names: Sequence[str]) -> tuple[dict[str, float], ...]:
    """Return how long each round took, and how long the slowest site was at it by its own audit."""
    busy: dict[int, float] = {}
    for name in names:
        at_site: dict[int, float] = {}
        for line in _audit(cluster.site_folder(name)):
            if line.type.startswith("train"):
                at_site[line.round] = at_site.get(line.round, 0.0) + line.seconds
        for number, seconds in at_site.items():
            busy[number] = max(busy.get(number, 0.0), seconds)
    kept = JobFolder(cluster.home.job(JOB)).rounds()
    return tuple(
        {
            "round": k.round,
            "seconds": k.seconds,
            "slowest site": round(busy.get(k.round, 0.0), 1),
            "beside": round(k.seconds - busy.get(k.round, 0.0), 1),
        }
        for k in kept
    )


def _audit(folder: Path) -> list[Line]:
    return [wire.decode(Line, line) for line in (folder / "audit.jsonl").read_bytes().splitlines()]


def _crossed(folder: Path) -> dict[str, int]:
    """Return the bytes of messages that a site got and sent, by its own audit, and of the log that stayed."""
    lines = _audit(folder)
    return {
        "messages": len(lines),
        "bytes_in": sum(line.bytes_in for line in lines),
        "bytes_out": sum(line.bytes_out for line in lines),
        "log_bytes": (folder / "site.log").stat().st_size,
    }
