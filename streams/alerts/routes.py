"""Which targets are told of which alert, and why. Pure."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import re2

from deepsentry.errors import SettingsError
from deepsentry.events import Alert
from deepsentry.targets import Route

LABELS: Final = ("service", "severity", "host", "view", "template", "model")
DEFAULT: Final = "no route matches, so every target is told"
_MATCHER: Final = re.compile(r"\s*([a-z]+)\s*(=~|!~|!=|=)\s*(.*?)\s*", re.DOTALL)

Labels = Mapping[str, Collection[str]]
"""Label -> its values; only a host can have several."""


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition; `=~` and `!~` take a pattern of RE2 that must match a whole value.

    A label with several values is equal where one of them is; one without a value has the empty text for it.
    """

    label: str
    operator: str
    value: str

    def holds(self, labels: Labels) -> bool:
        """Tell whether `labels` satisfy it."""
        values = labels.get(self.label) or ("",)
        match self.operator:
            case "=":
                return self.value in values
            case "!=":
                return self.value not in values
            case "=~":
                return self._matches(values)
            case _:
                return not self._matches(values)

    def _matches(self, values: Collection[str]) -> bool:
        return any(re2.fullmatch(self.value, value) for value in values)

    def __str__(self) -> str:
        return f"{self.label}{self.operator}{self.value}"


@dataclass(frozen=True, slots=True)
class Choice:
    """One target that is told, and why."""

    target: str
    why: str


class Routes:
    """The routes of the settings, checked."""

    def __init__(self, routes: Iterable[Route], targets: Collection[str]) -> None:
        """Raises SettingsError, which names the route, where a matcher or a target is none."""
        self._targets = tuple(targets)
        self._routes: list[tuple[Route, tuple[Matcher, ...]]] = []
        for number, route in enumerate(routes):
            setting = f"alerts.routes.{number}"
            for unknown in set(route.targets) - set(targets):
                message = f"{setting}.targets: there is no target {unknown!r}; add alerts.targets.{unknown}"
                raise SettingsError(message)
            self._routes.append((route, tuple(parse(text, f"{setting}.match") for text in route.match)))

    def choices(self, labels: Labels) -> list[Choice]:
        """Return which targets are told, each once, and why; none where a route says so."""
        found: dict[str, Choice] = {}
        matched = False
        for number, (route, matchers) in enumerate(self._routes):
            if not all(matcher.holds(labels) for matcher in matchers):
                continue
            matched = True
            why = f"route {number} matches: {', '.join(map(str, matchers)) or 'everything'}"
            for target in route.targets:
                found.setdefault(target, Choice(target, why))
            if not route.go_on:
                break
        return list(found.values()) if matched else [Choice(target, DEFAULT) for target in self._targets]

    def reach(self, target: str, alert: Alert) -> bool:
        """Tell whether `target` is told of `alert`."""
        return any(choice.target == target for choice in self.choices(labels_of(alert)))


def labels_of(alert: Alert) -> dict[str, tuple[str, ...]]:
    """Return what routes can ask for."""
    strange = alert.anomaly
    expected = next((item.template for item in strange.explanation.expected), "")
    return {
        "service": (alert.service,),
        "severity": (alert.severity,),
        "host": alert.hosts or (strange.host,),
        "view": (strange.view,),
        "template": (strange.explanation.template or expected,),
        "model": (strange.model.name,),
    }


def parse(text: str, setting: str) -> Matcher:
    """Return the condition in `text`, such as `service=shop` or `host=~"web-[0-9]+"`. Raises SettingsError."""
    found = _MATCHER.fullmatch(text)
    if found is None or found[1] not in LABELS:
        message = f"{setting}: a condition is LABEL=VALUE, !=, =~ or !~, with a label of {', '.join(LABELS)}"
        raise SettingsError(message)
    value = found[3][1:-1] if len(found[3]) > 1 and found[3][0] == found[3][-1] == '"' else found[3]
    if found[2] in {"=~", "!~"}:
        try:
            re2.compile(value)
        except re2.error:
            message = f"{setting}: the pattern of {found[1]} is none of RE2"
            raise SettingsError(message) from None
    return Matcher(found[1], found[2], value)


def assignments(text: str) -> dict[str, tuple[str, ...]]:
    """Return the labels in `text`, such as `service=shop,severity=critical`. Raises SettingsError."""
    labels: dict[str, tuple[str, ...]] = {}
    for matcher in _parsed(text):
        if matcher.operator != "=":
            message = f"labels: {matcher.label} needs a value: {matcher.label}=VALUE"
            raise SettingsError(message)
        labels[matcher.label] = (*labels.get(matcher.label, ()), matcher.value)
    return labels


def _parsed(text: str) -> Iterator[Matcher]:
    return (parse(part, "labels") for part in text.split(",") if part.strip())
