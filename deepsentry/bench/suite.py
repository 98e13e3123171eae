"""The parts of a benchmark in their order; each may run by itself."""

import secrets
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from deepsentry import wire
from deepsentry.bench import latency as open_loop
from deepsentry.bench import naive, soak, throughput
from deepsentry.bench.bed import bed
from deepsentry.bench.corpus import Corpus
from deepsentry.bench.cost import Cost
from deepsentry.bench.latency import Latency
from deepsentry.bench.plan import Part, Plan
from deepsentry.bench.report import Report, compose
from deepsentry.bench.throughput import Place, Say
from deepsentry.errors import WireError

Learn = Callable[[Iterable[bytes], Path], None]
"""Trains the champion of the registry in the folder on raw records."""

LEARNED: Final = 0.5
"""Share of the corpus, from the first line on, that trains the version: the other systems are told twice."""
NAIVE: Final = 200
"""Lines of the sample that the naive loop is given: every so-and-so-many-th."""
STOCK: Final = 5000
"""Lines that stock Faust is given."""
ONE: Final = 2000
"""The rate at which the whole log comes through a single partition too."""


def run(plan: Plan, corpus: Corpus, home: Path, learn: Learn, now: datetime, say: Say) -> Report:
    """Measure what `plan` names; brokers and versions lie in `home`. Raises DeepSentryError."""
    place = Place(home, plan.registry or home / "registry", secrets.token_hex(32))
    if plan.registry is None and {Part.THROUGHPUT, Part.LATENCY} & set(plan.parts):
        count = int(len(corpus) * LEARNED)
        say(f"training on {count:,} lines, unlabelled")
        learn(corpus.records(count), place.registry)
    flow = None
    if Part.THROUGHPUT in plan.parts:
        flow = throughput.measure(corpus, place, plan.lines, plan.rounds, plan.profiles, say)
    samples = dict(_samples(plan, corpus, place, say))
    latency = _latency(plan, corpus, place, say) if Part.LATENCY in plan.parts else ({}, {})
    memory = None
    if Part.MEMORY in plan.parts:
        apart = Place(home, home / "soak-registry", place.site_key)
        learn(soak.training(), apart.registry)
        say(f"soak: {plan.sources:,} sources for {plan.minutes:g} minutes")
        with bed(home / "soak", apart.registry, apart.site_key) as stream:
            memory = soak.measure(stream, plan.sources, plan.minutes)
    return compose(corpus.source, now, flow, samples, latency, memory)


def _samples(plan: Plan, corpus: Corpus, place: Place, say: Say) -> Iterator[tuple[str, Cost]]:
    if Part.NAIVE in plan.parts:
        every = max(1, len(corpus) // NAIVE)
        sample = [record for number, record in enumerate(corpus.records(len(corpus))) if number % every == 0][:NAIVE]
        cost = naive.measure([text(record) for record in sample])
        say(f"naive loop: {cost.cpu_us_per_line} us of CPU a line")
        yield "naive", cost
    if Part.STOCK in plan.parts:
        cost = throughput.stock_faust(corpus, place, STOCK)
        say(f"stock Faust, copying only: {cost.cpu_us_per_line} us of CPU a line")
        yield "stock", cost


def _latency(plan: Plan, corpus: Corpus, place: Place, say: Say) -> tuple[dict[str, Latency], dict[str, Latency]]:
    def at(rate: int, folder: str, partitions: int | None) -> Iterator[tuple[str, Latency]]:
        # a broker for each rate: sources of the one before would still be waited for
        with (
            bed(place.home / folder, place.registry, place.site_key) as stream,
            stream.worker("sanitize") as sanitize,
            stream.worker("score") as score,
        ):
            dealt = partitions or stream.settings.kafka.partitions
            found = open_loop.measure(stream, corpus, (sanitize, score), rate, plan.seconds, dealt)
            say(
                f"publish to anomaly at {rate:,} lines/s over {dealt} partitions: p50 {found.p50_ms} ms, "
                f"p99 {found.p99_ms} ms, {found.missing} of {found.planted} missing"
            )
            yield str(rate), found

    over_all = dict(pair for rate in plan.rates for pair in at(rate, f"latency-{rate}", None))
    over_one = dict(at(ONE, "latency-one", 1)) if ONE in plan.rates else {}
    return over_all, over_one


def text(record: bytes) -> str:
    """Return the line in a Filebeat record, or the record where it is of another shipper."""
    try:
        value = wire.from_json(record)
    except WireError:
        value = None
    line = str(value["message"]) if isinstance(value, dict) and "message" in value else record.decode()
    return line.replace("\n", " ")
