"""Commands about silences: what nobody is told of for a while, by whom and why."""

import re
import secrets
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import msgspec
import typer

from deepsentry import settings, topics, wire
from deepsentry.commands.output import Json, err, out, print_json, table
from deepsentry.commands.told import find
from deepsentry.commands.verdicts import user
from deepsentry.errors import DataError, KafkaError, NotFound
from deepsentry.events import Silence
from deepsentry.handling import Silence as Checked
from deepsentry.sections import Kafka
from streams.alerting.silencing import key_of, stored
from streams.alerts.exemption import Exemption, declared
from streams.transport.feed import Teller

silences = typer.Typer(no_args_is_help=True, help="Tell nobody of certain alerts for a while.")

LONGEST: Final = timedelta(days=366)
_DURATION: Final = re.compile(r"([0-9]{1,6})([smhd])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
OwnerOption = Annotated[str, typer.Option("--owner", help="Who answers for it; default: the user of this machine.")]


@silences.command()
def add(
    reason: Annotated[str, typer.Option(help="Why, for whoever reads it later.")],
    end: Annotated[str, typer.Option("--for", help="For so long: 90m, 12h, 7d; or until an RFC 3339 time.")],
    alert: Annotated[str, typer.Option(help="The problem of this alert, by id: whatever has its fingerprint.")] = "",
    fingerprint: Annotated[str, typer.Option(help="This fingerprint.")] = "",
    template: Annotated[str, typer.Option(help="This template of the deviating line, word for word.")] = "",
    match: Annotated[
        list[str] | None,
        typer.Option("--match", help="A condition as in alerts.routes, such as host=web-1; may come again."),
    ] = None,
    owner: OwnerOption = "",
    *,
    everything: Annotated[bool, typer.Option("--everything", help="Whatever it is: a maintenance.")] = False,
    as_json: Json = False,
) -> None:
    """Tell nobody of what matches; what is given must hold altogether. An alert that fires ends at once."""
    effective, _ = settings.load()
    if alert:
        fingerprint = find(effective.kafka, alert).fingerprint
    conditions = tuple(match or ())
    if everything == bool(fingerprint or template or conditions):
        message = "say what is silenced: --alert, --fingerprint, --template or --match, or else --everything"
        raise DataError(message)
    now = datetime.now(UTC)
    silence = Silence(
        id=secrets.token_hex(8),
        owner=owner or user(),
        reason=reason,
        created_at=now,
        until=_until(end, now),
        fingerprint=fingerprint,
        template=template,
        match=conditions,
    )
    _check(silence)
    _publish(effective.kafka, silence)
    if as_json:
        print_json(silence)
        return
    out.print(f"silence {silence.id} until {silence.until:%Y-%m-%d %H:%M:%S UTC}: {_what(silence)}", markup=False)
    err.print(f"take it back with `deepsentry silences expire {silence.id}`", markup=False)


@silences.command("list")
def list_silences(
    *,
    everything: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    as_json: Json = False,
) -> None:
    """List silences that stand, those of deepsentry.toml too."""
    effective, _ = settings.load()
    now = datetime.now(UTC)
    known = [*declared(effective.alerts.silences), *stored(effective.kafka).values()]
    found = sorted((each for each in known if everything or now < each.until), key=lambda each: each.until)
    if as_json:
        print_json({"silences": found})
        return
    table(
        [
            {
                "silence": each.id,
                "what": _what(each),
                "until": f"{each.until.astimezone(UTC):%Y-%m-%d %H:%M:%S UTC}",
                "owner": each.owner,
                "reason": each.reason,
                "from": each.source,
                "ended by": each.ended_by,
            }
            for each in found
        ]
    )


@silences.command()
def expire(
    name: Annotated[str, typer.Argument(metavar="ID", help="Its id, or the first digits of it.")],
    owner: OwnerOption = "",
) -> None:
    """End a silence now; people are told again of what comes, or still goes on."""
    effective, _ = settings.load()
    now = datetime.now(UTC)
    if any(each.id.startswith(name) for each in declared(effective.alerts.silences)):
        message = f"silence {name} stands in the settings (alerts.silences): take it out there"
        raise DataError(message)
    found = [each for each in stored(effective.kafka).values() if each.id.startswith(name) and now < each.until]
    if len(found) != 1:
        count = "no silence" if not found else f"{len(found)} silences"
        message = f"{count} that stands begins with {name!r}; `deepsentry silences list` shows them"
        raise NotFound(message)
    ended = msgspec.structs.replace(found[0], until=now, ended_by=owner or user())
    _publish(effective.kafka, ended)
    out.print(f"silence {ended.id} of {ended.owner} ended", markup=False)


def _until(text: str, now: datetime) -> datetime:
    if found := _DURATION.fullmatch(text):
        end = now + timedelta(**{_UNITS[found[2]]: int(found[1])})
    else:
        try:
            end = datetime.fromisoformat(text)
        except ValueError:
            message = f"--for: {text!r} is neither a duration such as 12h nor an RFC 3339 time"
            raise DataError(message) from None
    if end.tzinfo is None:
        message = "--for: a time needs its zone, such as 2027-01-31T08:00:00+01:00"
        raise DataError(message)
    if not now < end <= now + LONGEST:
        message = f"--for: a silence ends later than now and within {LONGEST.days} days"
        raise DataError(message)
    return end


def _check(silence: Silence) -> None:
    """Raise SettingsError, or DataError, where it is none: the same that holds for those of deepsentry.toml."""
    Exemption.of(silence)
    for name in ("owner", "reason", "fingerprint", "template"):
        most = next(rule.max_length for rule in Checked.model_fields[name].metadata if hasattr(rule, "max_length"))
        if len(getattr(silence, name)) > most or (name in {"owner", "reason"} and not getattr(silence, name).strip()):
            message = f"--{name}: at least one character, at most {most:,}"
            raise DataError(message)


def _publish(kafka: Kafka, silence: Silence) -> None:
    if not Teller(kafka).tell(topics.FEEDBACK, key_of(silence).decode(), wire.encode(silence)):
        message = f"broker {kafka.bootstrap} did not take the silence; is it up? `deepsentry doctor` looks"
        raise KafkaError(message)


def _what(silence: Silence) -> str:
    parts = [
        *([f"fingerprint {silence.fingerprint}"] if silence.fingerprint else []),
        *([f"template {silence.template!r}"] if silence.template else []),
        *silence.match,
    ]
    return ", ".join(parts) or "everything"
