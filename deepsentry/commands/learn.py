"""The commands that make a version: train, recalibrate."""

import re
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Annotated, Final

import typer

from deepsentry import settings
from deepsentry.commands.models import announce
from deepsentry.commands.output import Json, TrainingBar, facts, out, print_json, progress_bar, table
from deepsentry.errors import DataError
from deepsentry.events import CleanEntry, ModelReference
from deepsentry.settings import Settings
from models.artifact import TrainedVersion
from models.known import Judged
from models.recalibration import NORMAL, TRUE
from models.registry import CHAMPION, Registry
from streams.batch.learning import Wish, entries_of_files, entries_of_topic, judged_in, judged_on, learn, recalibrated

UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def train(
    logs_: Annotated[list[str], typer.Option("--log", help="A log file, plain or gzip; may be repeated.")] = [],  # noqa: B006 - typer's way
    topic: Annotated[str, typer.Option(help="A topic: the clean one, or a raw one, which is sanitized first.")] = "",
    since: Annotated[str, typer.Option(help="Only what the topic got since: 90m, 12h, 7d or an RFC 3339 time.")] = "",
    name: Annotated[str, typer.Option(help="Name of the model; default models.name.")] = "",
    budget: Annotated[float, typer.Option(help="False alarms a day, at most; default models.budget.")] = 0.0,
    key: Annotated[str, typer.Option(help="RE2 pattern of the session id; default: learned from the lines.")] = "",
    seed: Annotated[int, typer.Option(help="The same seed and data give the same version.")] = 0,
    verdicts: Annotated[
        str, typer.Option(help="What people said of anomalies: a file, from `verdicts list --json`.")
    ] = "",
    *,
    as_json: Json = False,
) -> None:
    """Learn what is normal from unlabelled lines and save it as a version; the first one becomes champion.

    From a topic, it also learns from the verdicts that stand: what was right is never taken for normal.
    """
    effective, _ = settings.load()
    entries = _entries_of(effective, logs_, topic, since)
    judged = judged_in(verdicts) if verdicts else judged_on(effective.kafka) if topic else ()
    version = train_version(effective, entries, budget=budget, key=key, seed=seed, judged=judged)
    reference = Registry(effective.models.registry).save(name or effective.models.name, version)
    if as_json:
        print_json({"version": reference, "metadata": version.metadata})
        return
    out.print(f"saved {reference.name} {reference.version}, digest {reference.digest[:12]}")
    table(facts({"counts": version.metadata.counts, "metrics": version.metadata.metrics}))


def recalibrate(
    name: Annotated[str, typer.Option(help="Name of the model; default models.name.")] = "",
    *,
    promote: Annotated[bool, typer.Option(help="Let it judge at once, or only save it.")] = True,
    as_json: Json = False,
) -> None:
    """Make a version of the champion that knows every verdict that stands, and no other; nothing is trained."""
    effective, _ = settings.load()
    name = name or effective.models.name
    reference = recalibrated(effective, name)
    registry = Registry(effective.models.registry)
    announced = False
    if reference is not None and promote:
        registry.promote(name, reference.version)
        announced = announce(effective, reference, CHAMPION)
    if as_json:
        print_json({"version": reference, "promoted": reference is not None and promote, "announced": announced})
        return
    if reference is None:
        out.print("the champion knows every verdict already")
        return
    trained, _ = registry.read(name, reference.version)
    counts = trained.metadata.counts
    out.print(
        f"saved {name} {reference.version}: the champion's weights, {counts.get(NORMAL, 0)} sequences called false "
        f"alarms, {counts.get(TRUE, 0)} true ones"
    )
    out.print("it judges from now on; `deepsentry models rollback` undoes that" if promote else "no alias moved")


def train_from_topic(effective: Settings, topic: str, since: float | None = None, seed: int = 0) -> ModelReference:
    """Train on what `topic` holds and save the version. Raises KafkaError or TrainingError."""
    version = train_version(effective, entries_of_topic(effective, topic, since), seed=seed)
    return Registry(effective.models.registry).save(effective.models.name, version)


def train_version(
    effective: Settings,
    entries: Iterable[CleanEntry],
    *,
    budget: float = 0.0,
    key: str = "",
    seed: int = 0,
    judged: tuple[Judged, ...] = (),
) -> TrainedVersion:
    """Return a version learned from sanitized entries in time order, with a progress bar. Raises TrainingError."""
    with progress_bar() as bar:
        return learn(effective, entries, Wish(budget, key, seed, judged=judged), TrainingBar(bar))


def _entries_of(effective: Settings, paths: list[str], topic: str, since: str) -> Iterator[CleanEntry]:
    if bool(paths) == bool(topic):
        message = "name what to learn from: --log FILE, or --topic NAME"
        raise DataError(message)
    if topic:
        return entries_of_topic(effective, topic, moment(since, time.time()))
    return entries_of_files(effective, paths)


def moment(text: str, now: float) -> float | None:
    """Return the Unix time that `text` names: 90m, 12h, 7d before `now`, or RFC 3339. Raises DataError."""
    if not text:
        return None
    if found := re.fullmatch(r"(\d+)([smhd])", text):
        return now - int(found[1]) * UNITS[found[2]]
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        message = f"--since: {text!r} is neither a duration such as 12h nor an RFC 3339 time"
        raise DataError(message) from None
