"""Processor time a line of every step, on a real Kafka: a bare copy loop, each worker, both together, the naive loop.

With DEEPSENTRY_DATA the lines are HDFS with 16 other systems among them (Loghub), else those of the demo's shop.
"""

import argparse
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from benchmarks import copying, naive
from benchmarks.bed import Bed, bed, publish, stored
from benchmarks.cost import Cost, Watch, follow
from benchmarks.lines import filebeat, located, mixed, shop
from deepsentry import kafka as broker
from deepsentry import topics, wire
from deepsentry.commands.learn import train_version
from deepsentry.commands.output import err, print_json, table
from deepsentry.commands.stream import sanitizer_of
from deepsentry.errors import DeepSentryError
from deepsentry.settings import Settings
from deepsentry.topics import Topic
from models.registry import Registry
from streams import offline

COPIES: Final = Topic("deepsentry.benchmark.copies.v1", "what the bare copy loop writes", topics.DAY)
LINES: Final = 200_000
LEARNED: Final = 0.5
"""Share of the records, from the first on, that trains the version: the other systems are told twice."""
NAIVE: Final = 200
"""Lines of the sample that the naive loop is given: every so-and-so-many-th."""


class Pipeline(msgspec.Struct, frozen=True):
    """Sanitize and score at work together, all Kafka traffic of both included."""

    cpu_us_per_line: float
    lines_per_s: float
    ratio_to_copy: float
    """Processor time of the copy loop by that of the pipeline: 1 would be a pipeline that costs one hop."""
    speedup_over_naive: float
    sanitize: Cost
    score: Cost


class Report(msgspec.Struct, frozen=True):
    """What was measured; `sanitize` and `score` had the machine to themselves in turn."""

    lines: int
    source: str
    copy: Cost
    naive: Cost
    sanitize: Cost
    score: Cost
    pipeline: Pipeline
    anomalies: int
    """What the score worker found alone; each costs an explanation."""
    memory_mib: float
    load: float
    """Processes that wanted a processor, mean of the last minute of the run."""


class Corpus(NamedTuple):
    """Records for the raw topic, and what they are."""

    records: list[bytes]
    source: str


def corpus(data: str | None) -> Corpus:
    """Return at least LINES records. Raises DataError where `data` names no folder with the data sets."""
    if data:
        return Corpus(list(filebeat(mixed(Path(data)))), "HDFS and 16 systems of Loghub, Filebeat records")
    return Corpus(shop(LINES), "the demo's shop, six shippers (DEEPSENTRY_DATA names no folder)")


def learn(settings: Settings, records: Sequence[bytes]) -> None:
    """Train the champion on the first records as the stream would read them."""
    sanitizer = sanitizer_of(settings)
    first = records[: int(len(records) * LEARNED)]
    cleaned = offline.sanitized(located(first, time.time()), sanitizer)
    version = train_version(settings, (entry for done in cleaned for entry in done.clean))
    Registry(settings.models.registry).save(settings.models.name, version)


def alone(stream: Bed, stage: str, lines: int) -> Cost:
    """Return what `lines` records that wait on its topic cost one worker."""
    with stream.worker(stage) as worker:
        watch = Watch(worker, lines)
        follow([watch])
        return watch.cost()


class Together(NamedTuple):
    """What both workers cost while they run at the same time."""

    sanitize: Cost
    score: Cost
    seconds: float


def together(stream: Bed, lines: int, clean: int) -> Together:
    """Return what `lines` waiting raw records, of which `clean` reach the second worker, cost both."""
    with stream.worker("score") as score, stream.worker("sanitize") as sanitize:
        watches = [Watch(sanitize, lines), Watch(score, clean)]
        seconds = follow(watches)
        return Together(watches[0].cost(), watches[1].cost(), seconds)


def run(found: Corpus, home: Path) -> Report:
    """Measure everything; brokers and the version lie in `home`. Raises DeepSentryError."""
    registry, key = home / "registry", secrets.token_hex(32)
    sample = found.records[:: max(len(found.records) // NAIVE, 1)][:NAIVE]
    with bed(home / "apart", registry, key) as stream:
        kafka = stream.settings.kafka
        err.print(f"training on {LEARNED:.0%} of {len(found.records):,} lines")
        learn(stream.settings, found.records)
        lines = publish(kafka, topics.RAW.name, found.records, kafka.partitions)
        broker.create_topics(kafka, (COPIES,))
        copied = say("copy loop", copying.measure(kafka, topics.RAW.name, COPIES.name, lines))
        sanitize = say("sanitize", alone(stream, "sanitize", lines))
        clean = stored(kafka, topics.CLEAN)
        score = say("score", alone(stream, "score", clean))
        strange = stored(kafka, topics.ANOMALIES)
    with bed(home / "together", registry, key) as stream:
        kafka = stream.settings.kafka
        publish(kafka, topics.RAW.name, found.records, kafka.partitions)
        both = together(stream, lines, clean)
        say("sanitize, both at work", both.sanitize)
        say("score, both at work", both.score)
    slow = say("naive loop", naive.measure([text(value) for value in sample]))
    cpu = both.sanitize.cpu_us_per_line + both.score.cpu_us_per_line
    return Report(
        lines=lines,
        source=found.source,
        copy=copied,
        naive=slow,
        sanitize=sanitize,
        score=score,
        pipeline=Pipeline(
            cpu_us_per_line=round(cpu, 2),
            lines_per_s=round(lines / both.seconds),
            ratio_to_copy=round(copied.cpu_us_per_line / cpu, 3),
            speedup_over_naive=round(slow.cpu_us_per_line / cpu),
            sanitize=both.sanitize,
            score=both.score,
        ),
        anomalies=strange,
        memory_mib=round(both.sanitize.memory_mib + both.score.memory_mib, 1),
        load=round(os.getloadavg()[0], 1),
    )


def text(record: bytes) -> str:
    """Return the line in a Filebeat record, or the record where it is of another shipper."""
    try:
        value = wire.from_json(record)
    except DeepSentryError:
        value = None
    line = str(value["message"]) if isinstance(value, dict) and "message" in value else record.decode()
    return line.replace("\n", " ")


def say(what: str, cost: Cost) -> Cost:
    """Tell what was measured as soon as it is known."""
    err.print(f"{what}: {cost.cpu_us_per_line} us of CPU a line, {cost.lines_per_s:,.0f} lines/s, {cost.lines:,} lines")
    return cost


def show(found: Report) -> None:
    """Print the figures for people."""
    rows = {
        "bare copy loop": found.copy,
        "sanitize alone": found.sanitize,
        "score alone": found.score,
        "sanitize, with score at work": found.pipeline.sanitize,
        "score, with sanitize at work": found.pipeline.score,
        "naive loop": found.naive,
    }
    print(f"\n{found.lines:,} lines: {found.source}")
    table([{"step": name, **msgspec.structs.asdict(cost)} for name, cost in rows.items()])
    one = found.pipeline
    print(f"sanitize + score: {one.cpu_us_per_line} us of CPU a line, {one.lines_per_s:,.0f} lines/s")
    print(f"  {one.ratio_to_copy} of a bare copy loop, {one.speedup_over_naive:,.0f} x the naive loop")
    print(f"  {found.anomalies:,} anomalies, each with its explanation")
    print(f"  {found.memory_mib} MiB resident in both workers")
    print(f"the machine is shared (load {found.load}): believe processor time, not pace")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    arguments = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="deepsentry-bench-") as home:
            found = run(corpus(os.environ.get("DEEPSENTRY_DATA")), Path(home))
    except DeepSentryError as error:
        sys.exit(str(error))
    if arguments.json:
        print_json(found)
    else:
        show(found)


if __name__ == "__main__":
    main()
