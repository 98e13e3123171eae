"""Detection on raw HDFS lines through Kafka: the first half of the sessions trains, unlabelled, the second is judged.

Data: HDFS_v1 of Loghub, cut to whole blocks; DEEPSENTRY_DATA names the folder that holds it as hdfs/hdfs_2pct.log.gz
with hdfs/labels.csv.
"""

import argparse
import os
import secrets
import signal
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from benchmarks import detection
from benchmarks.detection import Outcome, outcome
from deepsentry import kafka as broker
from deepsentry import topics, wire
from deepsentry.bench.bed import Bed, bed, publish, stored, until
from deepsentry.bench.cost import Cost, Watch, follow
from deepsentry.bench.lines import BLOCK, ORIGINALS, Line, filebeat, hdfs, labels, located
from deepsentry.commands.learn import train_version
from deepsentry.commands.output import err, print_json, table
from deepsentry.demo.processes import Worker
from deepsentry.errors import DeepSentryError
from deepsentry.events import Anomaly, CleanEntry
from deepsentry.settings import Settings
from models.detector import Detector
from models.evaluation.simple import Templates
from models.registry import Registry
from streams.batch import offline
from streams.batch.learning import sanitizer_of

SETTLED: Final = 10.0
"""Seconds without a judgement, beyond the idle time, after which nothing more is to come."""


class Split(NamedTuple):
    """The lines of the first and of the second half of the sessions, each in time order; `test` holds the keys."""

    first: list[Line]
    second: list[Line]
    test: tuple[str, ...]


class Judged(NamedTuple):
    """What the stream made of the second half."""

    anomalies: tuple[Anomaly, ...]
    closed: dict[str, int]
    """Why -> sequences."""
    unfinished: int
    """Sessions judged as they stood, because they may still go on."""
    lines: int
    sanitize: Cost
    score: Cost
    seconds: float
    """From the first record to the last."""


class Report(msgspec.Struct, frozen=True):
    """What was measured; `views` and `baselines` judge the same sessions."""

    sessions: int
    anomalous: int
    deepsentry: Outcome
    views: dict[str, Outcome]
    baselines: dict[str, Outcome]
    lines: int
    lines_per_s: float
    sanitize: Cost
    score: Cost
    closed: dict[str, int]
    unfinished: int


def split(lines: Sequence[Line]) -> Split:
    """Split by session: the first half of those that begin, and the rest."""
    block = [found[0] if (found := BLOCK.search(line.text)) else "" for line in lines]
    order = list(dict.fromkeys(key for key in block if key))
    early = frozenset(order[: len(order) // 2])
    first = [line for line, key in zip(lines, block, strict=True) if key in early]
    second = [line for line, key in zip(lines, block, strict=True) if key and key not in early]
    return Split(first, second, tuple(order[len(order) // 2 :]))


def entries(settings: Settings, lines: Iterable[Line]) -> Iterator[CleanEntry]:
    """Yield `lines` as the sanitize step passes them on."""
    for done in offline.sanitized(located(filebeat(lines), time.time()), sanitizer_of(settings)):
        yield from done.clean


def sessions(detector: Detector, cleaned: Iterable[CleanEntry]) -> dict[str, Templates]:
    """Return block id -> the templates of its lines, by first line."""
    found: dict[str, list[int]] = defaultdict(list)
    for entry in cleaned:
        if key := BLOCK.search(entry.message):
            found[key[0]].append(detector.template(entry.message))
    return {key: tuple(templates) for key, templates in found.items()}


def judge(stream: Bed, lines: Sequence[Line], partitions: int) -> Judged:
    """Send `lines` through so many raw partitions and both workers; returns when all that is open was judged."""
    with stream.worker("sanitize") as sanitize, stream.worker("score") as score:
        watches = [Watch(sanitize, len(lines)), Watch(score, len(lines))]
        err.print(f"publishing {len(lines):,} lines to {partitions} partitions of {topics.RAW.name}")
        publish(stream.settings.kafka, topics.RAW.name, filebeat(lines), partitions)
        seconds = follow(watches)
        err.print(f"scored in {seconds:.0f} s; what is open is judged after {stream.settings.sequences.idle:g} s")
        settle(stream, score)
        return Judged(
            anomalies=tuple(anomalies(stream.settings)),
            closed=score.metric_by("deepsentry_sequences_total", "why"),
            unfinished=int(score.metric("deepsentry_open_sequences") or 0),
            lines=len(lines),
            sanitize=watches[0].cost(),
            score=watches[1].cost(),
            seconds=seconds,
        )


def settle(stream: Bed, score: Worker) -> None:
    """Return when the score worker has judged what fell silent."""
    idle = stream.settings.sequences.idle
    began = moved = time.monotonic()
    before = -1.0

    def quiet() -> bool:
        nonlocal before, moved
        judged = score.metric("deepsentry_judged_total") or 0.0
        now = time.monotonic()
        if judged != before:
            before, moved = judged, now
        return now - began > idle + SETTLED and now - moved > SETTLED

    until("judging what is open", quiet, [score], within=idle + 300.0, every=1.0)


def anomalies(settings: Settings) -> Iterator[Anomaly]:
    """Yield every anomaly once."""
    seen: set[str] = set()
    for record in broker.read(settings.kafka, topics.ANOMALIES.name):
        anomaly = wire.decode(Anomaly, record.value)
        if anomaly.id not in seen:
            seen.add(anomaly.id)
            yield anomaly


def block_of(anomaly: Anomaly) -> str:
    """Return the block that an anomaly is about, as its lines name it."""
    return next((found[0] for line in anomaly.lines if (found := BLOCK.search(line.message))), "")


def report(judged: Judged, test: Sequence[str], truth: dict[str, bool], flagged: dict[str, list[bool]]) -> Report:
    """Compare alarms with the truth; `flagged` is detector -> verdicts in the order of `test`."""
    anomalous = {key for key in test if truth[key]}
    views = ("novelty", "profile", "sequence")
    fired = {
        view: {
            block_of(anomaly)
            for anomaly in judged.anomalies
            if any(v.view == view and v.score > 1 for v in anomaly.explanation.views)
        }
        for view in views
    }
    return Report(
        sessions=len(test),
        anomalous=len(anomalous),
        deepsentry=outcome({block_of(anomaly) for anomaly in judged.anomalies}, anomalous),
        views={view: outcome(fired[view], anomalous) for view in views},
        baselines={
            name: outcome({key for key, odd in zip(test, odd, strict=True) if odd}, anomalous)
            for name, odd in flagged.items()
        },
        lines=judged.lines,
        lines_per_s=round(judged.score.lines / judged.seconds),
        sanitize=judged.sanitize,
        score=judged.score,
        closed=judged.closed,
        unfinished=judged.unfinished,
    )


def run(data: Path, home: Path, partitions: int) -> Report:
    """Train, judge and compare, with everything that is written in `home`. Raises DeepSentryError."""
    lines, truth = hdfs(data), labels(data)
    parts = split(lines)
    with bed(home, home / "registry", secrets.token_hex(32)) as stream:
        began = time.monotonic()
        err.print(f"training on {len(parts.first):,} lines, unlabelled")
        version = train_version(stream.settings, entries(stream.settings, parts.first))
        registry = Registry(home / "registry")
        detector = registry.load("detector", registry.save("detector", version).version)
        err.print(f"trained in {time.monotonic() - began:.0f} s; session key {detector.key_pattern!r}")
        judged = judge(stream, parts.second, partitions)
        err.print(f"{stored(stream.settings.kafka, topics.REJECTED)} rejected")
        train = sessions(detector, entries(stream.settings, parts.first))
        test = sessions(detector, entries(stream.settings, parts.second))
    flagged = detection.baselines(list(train.values()), [test[key] for key in parts.test])
    return report(judged, parts.test, truth, flagged)


def show(found: Report) -> None:
    """Print the figures for people."""
    print(f"\n{found.sessions} sessions judged, {found.anomalous} of them anomalous; {found.unfinished} unfinished")
    print(f"sequences closed: {found.closed}")
    rows = {
        "DeepSentry, through Kafka": found.deepsentry,
        **{f"  view {name} alone": one for name, one in found.views.items()},
        **found.baselines,
    }
    table([{"detector": name, **msgspec.structs.asdict(one)} for name, one in rows.items()])
    print(
        f"{found.lines:,} lines, {found.lines_per_s:,.0f} lines/s through both workers; CPU us a line: "
        f"sanitize {found.sanitize.cpu_us_per_line}, score {found.score.cpu_us_per_line}"
    )
    print("the machine is shared: believe processor time, not pace")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    parser.add_argument(
        "--partitions",
        type=int,
        default=1,
        help="raw partitions that the lines are dealt out to; 1, as Filebeat does when it hashes log.file.path",
    )
    arguments = parser.parse_args()
    folder = os.environ.get("DEEPSENTRY_DATA")
    if not folder:
        sys.exit(f"DEEPSENTRY_DATA names no folder; the originals are {ORIGINALS}")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # ends like Ctrl-C, with everything that was started
    try:
        with tempfile.TemporaryDirectory(prefix="deepsentry-bench-") as home:
            found = run(Path(folder), Path(home), arguments.partitions)
    except DeepSentryError as error:
        sys.exit(str(error))
    if arguments.json:
        print_json(found)
    else:
        show(found)


if __name__ == "__main__":
    main()
