"""Who is told of alerts: a table of deepsentry.toml for each target, by kind, and the routes that lead to them."""

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field, SecretStr, field_validator

from deepsentry.section import Section

SECRETS: Final = frozenset({"password", "routing_key", "secret", "token", "webhook"})
"""Fields that are taken from the environment or from files it names, never from deepsentry.toml."""
NONE: Final = SecretStr("")

Host = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,253}$")]
Port = Annotated[int, Field(ge=0, le=65535)]
Address = Annotated[str, Field(pattern=r"^[^\s<>,;:\"()\[\]\\@]+@[A-Za-z0-9.-]+$", max_length=254)]


class _Target(Section):
    timeout: float = Field(10.0, gt=0, le=60)
    """Seconds for one attempt."""
    patience: float = Field(900.0, ge=0, le=86_400)
    """A notice that could not be delivered so many seconds after its alert changed goes to the rejected topic."""
    allow_private: bool = False
    """Allow addresses of private networks and of this machine."""
    ca_file: Path | None = None
    """Certificates (PEM) that TLS trusts instead of the system's."""


class Webhook(_Target):
    """A signed CloudEvent by POST."""

    kind: Literal["webhook"] = "webhook"
    url: SecretStr = NONE
    secret: SecretStr = NONE
    """Signs the body: header X-DeepSentry-Signature, HMAC-SHA256."""


class Slack(_Target):
    """Slack: an incoming webhook, or a bot's token with a channel, which can also change what it said before."""

    kind: Literal["slack"]
    webhook: SecretStr = NONE
    token: SecretStr = NONE
    channel: str = Field("", pattern=r"^#?[A-Za-z0-9_-]{0,80}$")
    url: str = "https://slack.com/api/"


class PagerDuty(_Target):
    """PagerDuty, Events API v2."""

    kind: Literal["pagerduty"]
    routing_key: SecretStr = NONE
    url: str = "https://events.pagerduty.com/v2/enqueue"
    """The service region EU has `https://events.eu.pagerduty.com/v2/enqueue`."""


class Email(_Target):
    """E-mail by SMTP."""

    kind: Literal["email"]
    host: Host
    port: Port = 0
    """0 is 587 for starttls, 465 for tls, 25 for none."""
    tls: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password: SecretStr = NONE
    sender: Address
    recipients: Annotated[tuple[Address, ...], Field(min_length=1, max_length=50)]


class Syslog(_Target):
    """Syslog, RFC 5424."""

    kind: Literal["syslog"]
    host: Host
    port: Port = 0
    """0 is 514 for udp, 601 for tcp, 6514 for tls."""
    transport: Literal["udp", "tcp", "tls"] = "tls"
    facility: int = Field(16, ge=0, le=23)
    """16 is local0."""


class Alertmanager(_Target):
    """Prometheus Alertmanager, API v2."""

    kind: Literal["alertmanager"]
    url: str
    token: SecretStr = NONE
    """Sent as a bearer token where there is one."""
    resend: float = Field(60.0, ge=1, le=3600)
    """Seconds after which alerts that still fire are sent again; Alertmanager lets them go after four times as long."""


class Terminal(_Target):
    """The terminal of whoever runs the worker."""

    kind: Literal["terminal"]


class Plugin(_Target):
    """A site's own notifier, installed beside DeepSentry under the entry point group `deepsentry.notifiers`."""

    kind: Literal["plugin"]
    plugin: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    options: dict[str, str] = Field({})
    secret: SecretStr = NONE


Target = Annotated[
    Webhook | Slack | PagerDuty | Email | Syslog | Alertmanager | Terminal | Plugin, Field(discriminator="kind")
]


class Route(Section):
    """Alerts with certain labels go to certain targets."""

    model_config = ConfigDict(populate_by_name=True)

    match: tuple[str, ...] = ()
    """Such as `service=shop` or `severity=~error|critical`; all must hold. None: every alert."""
    targets: tuple[str, ...]
    """Names; none at all means that nobody is told."""
    go_on: bool = Field(default=False, alias="continue")
    """Look at the following routes as well."""

    @field_validator("match", "targets", mode="before")
    @classmethod
    def _one_is_a_list_of_one(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value
