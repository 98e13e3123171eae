"""Commands about records that could not be used: list and show them, and bring them back once the cause is mended."""

import base64
import heapq
import re
import secrets
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final, get_args

import typer

from deepsentry import kafka as broker
from deepsentry import settings, topics
from deepsentry.commands.learn import moment
from deepsentry.commands.output import Json, err, out, print_json, table
from deepsentry.errors import DataError, NotFound
from deepsentry.events import Reason
from deepsentry.sections import Kafka
from deepsentry.settings import Settings
from streams.alerts.visible import visible
from streams.deadletters.quarantine import Quarantined, parse
from streams.deadletters.replay import replayed_from
from streams.deadletters.replaying import Log, Replayer, read_log
from streams.deadletters.viewing import View, brief, view
from streams.redaction import Redactor, create_redactor
from streams.transport.alone import alone

rejected = typer.Typer(no_args_is_help=True, help="Look at records that could not be used, and bring them back.")

TOPIC: Final = topics.REJECTED.name
REASONS: Final = ", ".join(get_args(Reason))
ReasonOption = Annotated[str, typer.Option("--reason", help=f"Only this reason: {REASONS}.")]
SinceOption = Annotated[str, typer.Option("--since", help="Rejected since: 90m, 12h, 7d or an RFC 3339 time.")]
TopicOption = Annotated[str, typer.Option("--topic", help="Only what came from this topic.")]
_ID: Final = re.compile(rf"(?:{re.escape(TOPIC)}-)?([0-9]{{1,9}})-([0-9]{{1,18}})")
ROW: Final = 60
"""Characters of a key or a detail in a table."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rejected records are meant; what is empty does not count."""

    reason: str = ""
    since: float | None = None
    topic: str = ""

    def read(self, kafka: Kafka) -> Iterator[Quarantined]:
        """Yield them, in order within a partition. Raises KafkaError."""
        for stored in broker.read(kafka, TOPIC, since=self.since):
            found = parse(stored)
            if found and self.reason in ("", found.reason) and self.topic in ("", found.source.topic):
                yield found


@rejected.command("list")
def list_rejected(
    reason: ReasonOption = "",
    since: SinceOption = "24h",
    topic: TopicOption = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many are shown.")] = 50,
    before: Annotated[str, typer.Option(metavar="ID", help="Only older ones than this: the next page.")] = "",
    *,
    as_json: Json = False,
) -> None:
    """List the newest rejected records, the last at the bottom, redacted."""
    effective, _ = settings.load()
    selection = _selection(reason, since, topic)
    edge = _place(_find(effective.kafka, before)) if before else None
    counts: Counter[str] = Counter()

    def older() -> Iterator[Quarantined]:
        for found in selection.read(effective.kafka):
            if edge is None or _place(found) < edge:
                counts[found.reason] += 1
                yield brief(found)

    shown = sorted(heapq.nlargest(limit, older(), key=_place), key=_place)
    log, redactor = read_log(effective.kafka), _redactor(effective)
    rows = [_row(found, log, view(found, redactor)) for found in shown]
    following = shown[0].id if counts.total() > len(shown) else ""
    if as_json:
        print_json({"found": counts.total(), "reasons": dict(counts), "records": rows, "before": following})
        return
    table([_line(row) for row in rows])
    reasons = ", ".join(f"{count:,} {visible(name, ROW)}" for name, count in counts.most_common())
    err.print(f"{counts.total():,} rejected {f'({reasons}) ' if reasons else ''}since {since}", markup=False)
    if following:
        err.print(f"{len(shown):,} shown; the next page: --before {_short(following)}", markup=False)


@rejected.command()
def show(
    record: Annotated[str, typer.Argument(metavar="ID", help="As `deepsentry rejected list` prints it.")],
    *,
    raw: Annotated[
        bool, typer.Option("--raw", help="Write the original bytes, secrets included; into a file or a pipe.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show one rejected record: why, where it came from, and its content without secrets."""
    effective, _ = settings.load()
    found = _find(effective.kafka, record)
    if raw:
        _write_raw(found, as_json=as_json)
        return
    shown = view(found, _redactor(effective))
    row = _row(found, read_log(effective.kafka), shown)
    sizes = {"bytes": found.length, "kept": len(found.value)}
    if as_json:
        print_json({**row, **sizes, "headers": shown.headers, "text": shown.text})
        return
    table(
        [{"fact": name, "value": value} for name, value in {**row, **sizes}.items()]
        + [{"fact": f"header {name}", "value": value} for name, value in shown.headers]
    )
    out.print(shown.text, markup=False, soft_wrap=True)


@rejected.command("replay")
def replay_rejected(
    names: Annotated[list[str] | None, typer.Argument(metavar="ID...", help="These, or by the options below.")] = None,
    reason: ReasonOption = "",
    since: SinceOption = "",
    topic: TopicOption = "",
    limit: Annotated[int, typer.Option(min=0, help="At most so many; 0 for all.")] = 0,
    *,
    again: Annotated[bool, typer.Option("--again", help="Also what was rejected again after a replay.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Also what was replayed before: it comes twice.")] = False,
    as_json: Json = False,
) -> None:
    """Bring rejected records back to the topic they came from, each once; mend the cause before."""
    effective, _ = settings.load()
    if not (names or reason or since or topic):
        message = "name records by their id, or by --reason, --since or --topic"
        raise DataError(message)
    broker.require_topics(effective.kafka, (topics.RAW, topics.REJECTED, topics.REPLAYS))
    wanted = (
        iter([_find(effective.kafka, each) for each in names])
        if names
        else _selection(reason, since, topic).read(effective.kafka)
    )
    refusals: Counter[str] = Counter()
    ids: list[str] = []
    with alone(effective.kafka, f"{effective.kafka.group_prefix}-replay", topics.REPLAYS) as is_alone:
        replayer = Replayer(effective.kafka, lambda: datetime.now(UTC), is_alone)
        if interrupted := replayer.settle():
            err.print(f"{interrupted:,} replays were interrupted before; looked for them in {topics.RAW.name}")
        for outcome in replayer.replay(wanted, limit, again=again, force=force):
            if outcome.refused:
                refusals[outcome.refused] += 1
            else:
                ids.append(outcome.found.id)
    if as_json:
        print_json({"replayed": len(ids), "ids": ids, "refused": dict(refusals)})
        return
    out.print(f"{len(ids):,} replayed to {topics.RAW.name}")
    for refused, count in refusals.items():
        out.print(f"{count:,} not: {refused}", markup=False, soft_wrap=True)


def _selection(reason: str, since: str, topic: str) -> Selection:
    if reason and reason not in get_args(Reason):
        message = f"--reason: {reason!r} is none of {REASONS}"
        raise DataError(message)
    return Selection(reason, moment(since, time.time()), topic)


def _find(kafka: Kafka, name: str) -> Quarantined:
    """Return the record with the id `name`, the topic of which may be left out. Raises NotFound, KafkaError."""
    place = _ID.fullmatch(name)
    if place is None:
        message = f"{visible(name, ROW)!r} is no id; `deepsentry rejected list` prints them"
        raise NotFound(message)
    partition, offset = int(place[1]), int(place[2])
    if offset < broker.end_offsets(kafka, TOPIC).get(partition, 0):
        for stored in broker.read(kafka, TOPIC, begin={partition: offset}):
            found = parse(stored) if stored.offset == offset else None
            if found is not None:
                return found
            break
    days = topics.REJECTED.retention_ms / topics.DAY
    message = f"no rejected record {partition}-{offset}; {TOPIC} keeps them for {days:.0f} days"
    raise NotFound(message)


def _place(found: Quarantined) -> tuple[float, int, int]:
    """Return what orders records by time; each has another one."""
    place = _ID.fullmatch(found.id)
    return (found.at, int(place[1]), int(place[2])) if place else (found.at, -1, -1)


def _row(found: Quarantined, log: Log, shown: View) -> dict[str, str]:
    source = found.source
    known = log.get(found.origin)
    origin = f"{source.topic}/{source.partition}/{source.offset}"
    return {
        "id": found.id,
        "at": datetime.fromtimestamp(found.at, UTC).isoformat(timespec="milliseconds"),
        "reason": visible(found.reason, ROW),
        "stage": visible(found.stage, ROW),
        "from": visible(origin if found.count == 1 else f"{origin}, elements {found.elements}", 2 * ROW),
        "key": shown.key[:ROW],
        "detail": shown.detail,
        "replayed": f"{known.at:%Y-%m-%d %H:%M:%S}Z" if known and known.done else "",
        "replay_of": visible(replayed_from(found.headers), 2 * ROW),
    }


def _line(row: Mapping[str, str]) -> dict[str, object]:
    """Return what fits into a terminal: the usual topics go without saying."""
    replayed = row["replayed"] and f"replayed {row['replayed']}"
    again = row["replay_of"] and f"again, was {_short(row['replay_of'])}"
    return {
        "id": _short(row["id"]),
        "at": row["at"][:19],
        "reason": row["reason"],
        "from": row["from"].removeprefix(f"{topics.RAW.name}/"),
        "key": row["key"],
        "detail": row["detail"],
        "state": ", ".join(filter(None, (again, replayed))),
    }


def _short(name: str) -> str:
    return name.removeprefix(f"{TOPIC}-")


def _redactor(effective: Settings) -> Redactor:
    """Return the engine that is ready at once; where no site key is set its tokens hold for this run only."""
    key = effective.redaction.site_key.get_secret_value().encode() or secrets.token_bytes(32)
    return create_redactor(effective.redaction.model_copy(update={"engine": "portable"}), key)


def _write_raw(found: Quarantined, *, as_json: bool) -> None:
    err.print("these are the original bytes: nothing is masked, and whoever sees them sees the secrets in them")
    if as_json:
        print_json(
            {
                "id": found.id,
                "key": _base64(found.key),
                "headers": [(visible(name, len(name)), _base64(value)) for name, value in found.headers],
                "value": _base64(found.value),
            }
        )
    elif sys.stdout.isatty():  # a terminal would obey what is in them
        out.print(visible(found.value.decode("utf-8", "backslashreplace"), len(found.value)), markup=False)
    else:
        sys.stdout.buffer.write(found.value)
        sys.stdout.buffer.flush()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
