"""How alerts are grouped, silenced and sent: the table `alerts` of deepsentry.toml."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, SecretStr, field_validator

from deepsentry.section import Section
from deepsentry.targets import Route, Target

Tier = Literal["low", "normal", "high"]


class Silence(Section):
    """Nobody is told of what matches, until then; what is given must hold altogether."""

    owner: str = Field(min_length=1, max_length=200)
    reason: str = Field(min_length=1, max_length=1000)
    until: AwareDatetime
    """RFC 3339 with its zone; a silence without an end is a hole."""
    begin: AwareDatetime | None = None
    fingerprint: str = Field("", max_length=255)
    template: str = Field("", max_length=10_000)
    match: Annotated[tuple[str, ...], Field(max_length=20)] = ()
    """Conditions as in `alerts.routes`, on the labels of each anomaly."""

    @field_validator("match", mode="before")
    @classmethod
    def _one_is_a_list_of_one(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value


class Runbook(Section):
    """Where it is written what to do about alerts with certain labels."""

    match: Annotated[tuple[str, ...], Field(max_length=20)] = ()
    url: str = Field(pattern=r"^https?://\S{1,1000}$")

    @field_validator("match", mode="before")
    @classmethod
    def _one_is_a_list_of_one(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value


class Links(Section):
    """Signed links in notices, by which a person can say at once whether an alert was right; without a key, none."""

    url: str = Field("", pattern=r"^(https?://\S{1,1000})?$")
    """Public address of the control plane, which takes the answers."""
    key: SecretStr = SecretStr("")
    """Signs them; at least 16 characters, the same for alert workers and control plane. Never in deepsentry.toml."""
    days: float = Field(14.0, gt=0, le=366)
    """How long a link is good for."""


class Alerts(Section):
    """When people are told, of what, and who."""

    quiet: float = Field(300.0, gt=0)
    """An alert resolves after so many seconds without a new anomaly; doubled for each time that it came back."""
    max_hold: float = Field(3600.0, gt=0)
    """Bound of that doubling, in seconds."""
    group_wait: float = Field(2.0, ge=0, le=10)
    """Seconds between the first anomaly of an alert and the first notice: what belongs to it may come meanwhile."""
    group_interval: float = Field(300.0, gt=0)
    """Seconds between two notices of an incident that gets further alerts."""
    repeat: float = Field(14_400.0, gt=0)
    """An alert that still grows is told again after so many seconds."""
    incident_after: int = Field(3, ge=0)
    """So many alerts of one service, opened close to each other, are one incident; 0: there are no incidents."""
    incident_window: float = Field(300.0, gt=0)
    """What "close to each other" is, in seconds."""
    max_open: int = Field(100, ge=1, le=10_000)
    """Alerts open at once; what comes beyond them is counted in one summary alert."""
    max_a_minute: int = Field(30, ge=1, le=10_000)
    """Alerts that may be opened for people in a minute; what comes beyond them is counted in the same summary."""
    tiers: dict[str, Tier] = Field({})
    """Service -> how much depends on it: `high` is one step more severe, `low` one step less."""
    silences: tuple[Silence, ...] = ()
    """What nobody is told of."""
    verdict_days: float = Field(30.0, gt=0, le=3660)
    """How long a false alarm keeps others of its kind from people; a version that learned of it knows it for good."""
    links: Links = Links()
    runbooks: tuple[Runbook, ...] = ()
    """The first that matches stands in the alert."""
    targets: dict[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")], Target] = Field({})
    routes: tuple[Route, ...] = ()
    """Which of them are told of which alert: the first that matches; where none does, all."""
