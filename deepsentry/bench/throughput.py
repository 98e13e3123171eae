"""Processor time a line: a bare copy loop, each worker alone, both at work, turn by turn on fresh brokers."""

from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from deepsentry import kafka as broker
from deepsentry import topics
from deepsentry.bench import copying, flame
from deepsentry.bench.bed import Bed, bed, publish, stored
from deepsentry.bench.corpus import Corpus
from deepsentry.bench.cost import Cost, Watch, follow, middle
from deepsentry.bench.spoken import spoken
from deepsentry.topics import Topic

COPIES: Final = Topic("deepsentry.benchmark.copies.v1", "what the bare copy loop writes", topics.DAY)
SAMPLES: Final = Topic("deepsentry.benchmark.samples.v1", "what stock Faust writes", topics.DAY)
Say = Callable[[str], None]


class Bytes(msgspec.Struct, frozen=True):
    """Bytes a raw line: `stored` in the broker's files (compressed as they came), `sent` as values."""

    raw_sent: float
    raw_stored: float
    clean_stored: float


class Round(NamedTuple):
    """What one round cost; in `both` the two workers ran at the same time."""

    copy: Cost
    sanitize: Cost
    score: Cost
    both: tuple[Cost, Cost]
    seconds: float
    """From the first record to the last while both were at work."""


class Throughput(NamedTuple):
    """Medians over the rounds, each by its own processor time."""

    rounds: list[Round]
    lines: int
    clean: int
    """Lines that reached the score worker."""
    anomalies: int
    """What the score worker found alone; each costs an explanation."""
    bytes: Bytes

    def median(self, part: Callable[[Round], Cost]) -> Cost:
        """Return the middle one of the rounds."""
        return middle([part(each) for each in self.rounds])


class Place(NamedTuple):
    """Where a run keeps its brokers and the version, and the key of its tokens."""

    home: Path
    registry: Path
    site_key: str


def measure(corpus: Corpus, place: Place, lines: int, rounds: int, profiles: Path | None, say: Say) -> Throughput:
    """Return what so many lines cost; flame graphs of the first round go to `profiles`. Raises DeepSentryError."""
    found: list[Round] = []
    clean = anomalies = 0
    sizes = Bytes(0.0, 0.0, 0.0)
    for number in range(rounds):
        graphs = profiles if number == 0 else None
        with bed(place.home / f"apart-{number}", place.registry, place.site_key) as stream:
            kafka = stream.settings.kafka
            sent = [0]
            publish(kafka, topics.RAW.name, _counted(corpus, lines, sent), kafka.partitions)
            broker.create_topics(kafka, (COPIES,))
            copied = copying.measure(kafka, topics.RAW.name, COPIES.name, lines)
            sanitize = _alone(stream, "sanitize", lines, graphs, say)
            clean = stored(kafka, topics.CLEAN)
            score = _alone(stream, "score", clean, graphs, say)
            anomalies = stored(kafka, topics.ANOMALIES)
            sizes = Bytes(
                raw_sent=round(sent[0] / lines, 1),
                raw_stored=round(stream.bytes_stored(topics.RAW) / lines, 1),
                clean_stored=round(stream.bytes_stored(topics.CLEAN) / lines, 1),
            )
        with bed(place.home / f"together-{number}", place.registry, place.site_key) as stream:
            kafka = stream.settings.kafka
            publish(kafka, topics.RAW.name, corpus.records(lines), kafka.partitions)
            with stream.worker("score") as scoring, stream.worker("sanitize") as sanitizing:
                watches = [Watch(sanitizing, lines), Watch(scoring, clean)]
                seconds = follow(watches)
                both = (watches[0].cost(), watches[1].cost())
        found.append(Round(copied, sanitize, score, both, seconds))
        say(
            f"round {number + 1} of {rounds}, us of CPU a line: copy {copied.cpu_us_per_line}, "
            f"sanitize {sanitize.cpu_us_per_line}, score {score.cpu_us_per_line}; "
            f"together {both[0].cpu_us_per_line} + {both[1].cpu_us_per_line}"
        )
    return Throughput(found, lines, clean, anomalies, sizes)


def stock_faust(corpus: Corpus, place: Place, lines: int) -> Cost:
    """Return what so many lines cost stock Faust, one message at a time. Raises DeepSentryError."""
    with bed(place.home / "stock", place.registry, place.site_key) as stream:
        kafka = stream.settings.kafka
        publish(kafka, topics.RAW.name, corpus.records(2 * lines), kafka.partitions)
        broker.create_topics(kafka, (SAMPLES,))
        return spoken("deepsentry.bench.stock", [kafka.bootstrap, topics.RAW.name, SAMPLES.name, str(lines)])


def _alone(stream: Bed, stage: str, lines: int, profiles: Path | None, say: Say) -> Cost:
    with stream.worker(stage) as worker, flame.graph(worker.pid, stage, profiles, say):
        watch = Watch(worker, lines)
        follow([watch])
        return watch.cost()


def _counted(corpus: Corpus, lines: int, sent: list[int]) -> list[bytes]:
    records = list(corpus.records(lines))
    sent[0] = sum(map(len, records))
    return records
