"""Labelled sequences in the order in which an operator meets them, and what a version says of each."""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np

from benchmarks.answers.rare import RARE
from deepsentry.commands import public_sets
from deepsentry.demo.envelopes import as_record
from deepsentry.demo.shop import Shop, ShopLine
from deepsentry.events import Anomaly
from deepsentry.settings import Settings
from models.detector import Detector
from models.evaluation.protocol import Benchmark, Case, fit, observe, verdicts_on
from models.intake import Progress
from models.prepare import LoggedSequence
from streams.alerts.fingerprint import fingerprint, severity
from streams.batch import offline
from streams.batch.learning import sanitizer_of
from streams.sanitizing.sanitize import Located
from streams.scoring.strange import shape_of
from streams.shippers import Record

PREVALENCE: Final = 0.001
"""Share of anomalous sequences on HDFS: what an operator meets, not the 3 % of the published set."""
RATE: Final = 0.001
"""Share of the shop's normal requests that may be flagged."""
HDFS_RATE: Final = 0.00036
"""The same on HDFS: some 130 false alarms a day at that log's 356,000 sessions a day."""
START: Final = 1_790_000_000.0
SERVICE: Final = "bench"


@dataclass(frozen=True, slots=True)
class Alarm:
    """A sequence that the version calls strange."""

    case: Case
    anomaly: Anomaly


@dataclass(frozen=True, slots=True)
class Met:
    """A labelled sequence at its time, 0 to 1; `alarm` is None where the version is silent."""

    at: float
    anomalous: bool
    alarm: Alarm | None


@dataclass(frozen=True, slots=True)
class Stream:
    """A trained version, and the sequences that follow, without the normal ones of which it said nothing."""

    detector: Detector
    over: float
    met: tuple[Met, ...]


def hdfs(detector: Detector, benchmark: Benchmark, seed: int) -> Stream:
    """Return the published sessions, whose times are not published, at times drawn from `seed`.

    All normal ones are there, and of the anomalous ones as many as make PREVALENCE.
    """
    rng = np.random.default_rng(seed)
    judged = _alarms(detector, benchmark)
    anomalous = [i for i, case in enumerate(benchmark.test) if case.anomalous for _ in range(case.times)]
    normal = sum(case.times for case in benchmark.test if not case.anomalous)
    drawn = rng.choice(np.array(anomalous), min(int(PREVALENCE * normal), len(anomalous)), replace=False).tolist()
    false = [i for i in judged if not benchmark.test[i].anomalous for _ in range(benchmark.test[i].times)]
    chosen = [*drawn, *false]
    times = rng.random(len(chosen)).tolist()
    met = [Met(at, benchmark.test[i].anomalous, judged.get(i)) for at, i in zip(times, chosen, strict=True)]
    return Stream(detector, benchmark.over, tuple(sorted(met, key=lambda each: each.at)))


def shop_benchmark(effective: Settings, seed: int) -> Benchmark:
    """Return a shop's normal traffic to learn from, and later traffic in which it also does what it does seldom.

    One request in a hundred of the common kinds goes wrong, and one in twelve of the rare ones.
    """
    common, seldom = Shop(seed), Shop(seed + 1000, 0.2, RARE)
    training = _sequences(effective, common.normal(START, 2500))
    begin = START + 100_000.0
    lines, faults = common.faults(begin, 6000, 12)
    rarely, more = seldom.faults(begin, 240, 4)
    bad = {fault.request for fault in (*faults, *more)}
    test = _sequences(effective, heapq.merge(lines, rarely, key=lambda line: line.timestamp))
    cases = [Case(sequence, any(request in sequence.key for request in bad)) for sequence in test]
    if sum(case.anomalous for case in cases) != len(bad):
        message = "the sequences of the shop's faults were not found again"
        raise RuntimeError(message)
    return Benchmark("shop", training, 0.2, cases, float("inf"), RATE)


def shop(detector: Detector, benchmark: Benchmark) -> Stream:
    """Return the shop's later traffic in its own order."""
    judged = _alarms(detector, benchmark)
    count = len(benchmark.test)
    met = [
        Met(i / count, case.anomalous, judged.get(i))
        for i, case in enumerate(benchmark.test)
        if case.anomalous or i in judged
    ]
    return Stream(detector, benchmark.over, tuple(met))


def _sequences(effective: Settings, lines: Iterable[ShopLine]) -> list[LoggedSequence]:
    located = (
        Located(Record(as_record(line), None, (), START, "shop"), 0, number) for number, line in enumerate(lines)
    )
    entries = (e for done in offline.sanitized(located, sanitizer_of(effective)) for e in done.clean)
    keyed = offline.key(entries, r"\b(?:request_id|req)=([0-9a-f]{16})")
    return sorted(offline.sequences(keyed.entries, effective.sequences), key=lambda each: each.start)


def _alarms(detector: Detector, benchmark: Benchmark) -> dict[int, Alarm]:
    """Return number of a case -> its alarm."""
    shown = [observe(detector, case.sequence, benchmark.over) for case in benchmark.test]
    found: dict[int, Alarm] = {}
    for number, (observed, verdict) in enumerate(zip(shown, verdicts_on(detector, shown), strict=True)):
        if verdict.score <= 1:
            continue
        explanation = detector.explain(observed, verdict)
        view = verdict.views[0].view
        template = explanation.template or (explanation.expected[0].template if explanation.expected else "")
        moment = datetime.fromtimestamp(START, UTC)
        found[number] = Alarm(
            benchmark.test[number],
            Anomaly(
                id=str(number),
                fingerprint=fingerprint(SERVICE, view, template),
                view=view,
                score=verdict.score,
                severity=severity(verdict.score, ""),
                sequence=str(number),
                kind=observed.kind,
                host="",
                service=SERVICE,
                observed_at=moment,
                detected_at=moment,
                complete=observed.complete,
                length=len(observed.templates),
                explanation=explanation,
                lines=(),
                positions=(),
                partition=0,
                model=detector.reference,
                budget=detector.budget,
                shape=shape_of([detector.template_text(t) for t in observed.templates]),
            ),
        )
    return found


def streams(effective: Settings, name: str, seeds: int, progress: Progress) -> Iterator[Stream]:
    """Train and yield the stream of each seed; `name` is hdfs or shop."""
    for seed in range(seeds):
        if name == "shop":
            benchmark = shop_benchmark(effective, seed)
            yield shop(fit(benchmark, seed, progress), benchmark)
        else:
            benchmark = public_sets.hdfs_logdeep(effective, HDFS_RATE)
            yield hdfs(fit(benchmark, seed, progress), benchmark, seed)
