"""What nobody is told of: silences, each with its owner, its reason and its end. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, Self

import msgspec

from deepsentry import handling
from deepsentry.events import Alert, Silence
from streams.alerts.fingerprint import digest
from streams.alerts.routes import Matcher, labels_of, parse

ALWAYS = datetime.min.replace(tzinfo=UTC)


class Exempts(Protocol):
    """Says of what nobody is told."""

    def silence_on(self, alert: Alert, now: datetime) -> Silence | None:
        """Return why nobody is to be told of `alert` now; None where people are."""


@dataclass(frozen=True, slots=True)
class Exemption:
    """A silence, its conditions read."""

    silence: Silence
    matchers: tuple[Matcher, ...]

    @classmethod
    def of(cls, silence: Silence) -> Self:
        """Raises SettingsError where a condition is none."""
        setting = f"silence {silence.id}: match"
        return cls(silence, tuple(parse(text, setting) for text in silence.match))

    def silence_on(self, alert: Alert, now: datetime) -> Silence | None:
        """Return the silence where it covers `alert` now."""
        return self.silence if self.covers(alert, now) else None

    def covers(self, alert: Alert, now: datetime) -> bool:
        """Tell whether nobody is to be told of `alert` now; it must hold on each of its hosts."""
        silence = self.silence
        if not (silence.begin or ALWAYS) <= now < silence.until:
            return False
        if silence.fingerprint and silence.fingerprint != alert.fingerprint:
            return False
        if silence.template and (alert.members or silence.template not in labels_of(alert)["template"]):
            return False  # an incident is more than one template
        hosts = alert.hosts or ("",)
        return all(
            all(matcher.holds(labels_of(msgspec.structs.replace(alert, hosts=(host,)))) for matcher in self.matchers)
            for host in hosts
        )


class Exemptions:
    """Many silences as one: those of a fingerprint are found by it, as there can be thousands of them."""

    def __init__(self, exemptions: Iterable[Exemption]) -> None:
        self._others: list[Exemption] = []
        self._by_fingerprint: dict[str, list[Exemption]] = {}
        for each in exemptions:
            wanted = each.silence.fingerprint
            (self._by_fingerprint.setdefault(wanted, []) if wanted else self._others).append(each)

    def silence_on(self, alert: Alert, now: datetime) -> Silence | None:
        """Return the first silence that covers `alert` now."""
        near = self._by_fingerprint.get(alert.fingerprint, ())
        return next((each.silence for found in (near, self._others) for each in found if each.covers(alert, now)), None)


def covering(exemptions: Iterable[Exempts], alert: Alert, now: datetime) -> Silence | None:
    """Return the first silence that covers `alert`."""
    return next((found for each in exemptions if (found := each.silence_on(alert, now))), None)


def declared(silences: Sequence[handling.Silence]) -> list[Silence]:
    """Return the silences of deepsentry.toml; the same words are the same silence."""
    return [
        Silence(
            id=digest("settings", each.model_dump_json()),
            owner=each.owner,
            reason=each.reason,
            created_at=each.begin or ALWAYS,
            until=each.until,
            begin=each.begin,
            fingerprint=each.fingerprint,
            template=each.template,
            match=each.match,
            source="settings",
        )
        for each in silences
    ]
