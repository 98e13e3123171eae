"""Shell: one job in a process of its own. What it takes of memory goes with it, and it can be ended at any moment.

The job comes as a line on stdin; what is said of it goes to stdout, a JSON value a line. When stdin ends, whoever asked
for the job is gone, and so is this process.
"""

import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import BinaryIO, Final

import msgspec

from deepsentry import kafka as broker
from deepsentry import logs, settings, topics, wire
from deepsentry.errors import DeepSentryError, VersionRefused
from deepsentry.events import Job, ModelReference
from deepsentry.settings import Settings
from models.registry import Registry
from streams.batch.jobs import ReplayParameters, TrainParameters, parameters_of
from streams.batch.learning import Wish, entries_of_topic, judged_on, learn
from streams.deadletters.quarantine import Quarantined, parse
from streams.deadletters.replaying import Replayer
from streams.transport.alone import alone

SAY_EVERY: Final = 0.5
"""Seconds between two words on the same stage."""

log = logs.get("job")


class Said(msgspec.Struct, frozen=True):
    """How far a job is; with `ended` it is the last word."""

    stage: str = ""
    done: int = 0
    total: int = 0
    ended: bool = False
    error: str = ""
    version: ModelReference | None = None
    promoted: bool = False
    facts: dict[str, str | int | float | bool] = {}


class Speaking:
    """Says how far it is; a `models.intake.Progress`."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._stage, self._said = "", 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Take one report; of those that come fast, some are passed over."""
        now = time.monotonic()
        if stage != self._stage or now - self._said > SAY_EVERY or done == total:
            self._stage, self._said = stage, now
            self.say(Said(stage, done, total))

    def say(self, said: Said) -> None:
        """Say it."""
        self._out.write(wire.encode(said) + b"\n")
        self._out.flush()


def main() -> None:
    """Do the job on stdin; the last word says what became of it."""
    effective, _ = settings.load()
    logs.configure(effective.log)
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is none of our words
    speaking = Speaking(out)
    first = sys.stdin.buffer.readline()
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    try:
        job = wire.decode(Job, first)
        speaking.say(_done(effective, job, speaking))
    except DeepSentryError as error:
        speaking.say(Said(ended=True, error=str(error)))
    out.flush()
    os._exit(0)  # the thread on stdin would hold up the interpreter's end


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


def _done(effective: Settings, job: Job, speaking: Speaking) -> Said:
    match parameters_of(job):
        case TrainParameters() as wanted:
            return _trained(effective, job, wanted, speaking)
        case ReplayParameters() as wanted:
            return _replayed(effective, wanted, speaking)


def _trained(effective: Settings, job: Job, wanted: TrainParameters, speaking: Speaking) -> Said:
    registry = Registry(effective.models.registry)
    reference = _made_before(registry, job)
    if reference is None:
        origin = (("job", job.id), ("project", job.project), ("dataset", job.dataset), ("owner", job.owner))
        judged = judged_on(effective.kafka)
        wish = Wish(wanted.budget, wanted.key, wanted.seed, wanted.epochs, origin, judged)
        version = learn(effective, entries_of_topic(effective, wanted.topic, wanted.since or None), wish, speaking)
        reference = registry.add(job.model, version)
    trained, _ = registry.read(reference.name, reference.version)
    if wanted.promote:
        registry.promote(reference.name, reference.version)
    counts, metrics = trained.metadata.counts, trained.metadata.metrics
    return Said(ended=True, version=reference, promoted=wanted.promote, facts={**counts, **metrics})


def _made_before(registry: Registry, job: Job) -> ModelReference | None:
    """Return the version of this very job, where it was killed after it had saved one."""
    try:
        made = registry.versions(job.model)
    except VersionRefused:
        return None
    for listed in reversed(made):
        if listed.metadata and listed.metadata.origin.get("job") == job.id:
            return ModelReference(job.model, listed.version, listed.digest)
    return None


def _replayed(effective: Settings, wanted: ReplayParameters, speaking: Speaking) -> Said:
    kafka = effective.kafka
    broker.require_topics(kafka, (topics.RAW, topics.REJECTED, topics.REPLAYS))
    outcomes: Counter[str] = Counter()
    with alone(kafka, f"{kafka.group_prefix}-replay", topics.REPLAYS) as is_alone:
        replayer = Replayer(kafka, lambda: datetime.now(UTC), is_alone)
        replayer.settle()
        found = _wanted(effective, wanted)
        for number, outcome in enumerate(
            replayer.replay(found, wanted.limit, again=wanted.again, force=wanted.force), 1
        ):
            outcomes[outcome.refused] += 1
            speaking("replay", number, 0)
    replayed = outcomes.pop("", 0)
    facts: dict[str, str | int | float | bool] = {"replayed": replayed, "refused": outcomes.total()}
    return Said(ended=True, facts=facts | {f"refused: {why}"[:200]: count for why, count in outcomes.items()})


def _wanted(effective: Settings, wanted: ReplayParameters) -> Iterator[Quarantined]:
    ids = {each.strip() for each in wanted.ids.split(",") if each.strip()}
    for stored in broker.read(effective.kafka, topics.REJECTED.name, since=wanted.since or None):
        found = parse(stored)
        if found is None or found.source.topic != wanted.topic or wanted.reason not in ("", found.reason):
            continue
        if not ids or found.id.removeprefix(f"{topics.REJECTED.name}-") in ids:
            yield found


if __name__ == "__main__":
    main()
