"""How a site joins: a folder without secrets goes to it, it makes its keys, and a card with the public ones returns."""

import shutil
import tomllib
from pathlib import Path
from typing import Final

import msgspec
from pydantic import Field, ValidationError

from aggregator import authority
from aggregator.durable import write
from aggregator.home import SECRET, Home, check_name
from aggregator.secagg import create_signing_key, public_pem, signing_key
from deepsentry import wire
from deepsentry.errors import FederationError, SettingsError, WireError
from deepsentry.section import Section

SITE: Final = "site.toml"
POLICY: Final = "policy.toml"
NODE_KEY: Final = "node.key"
SIGNING_KEY: Final = "signing.key"
ROSTER: Final = "roster.json"
_MOST_CARD: Final = 1 << 16

_SITE_TOML: Final = """\
# Where this site finds the aggregator, and what it learns from. Belongs to the site.
name = "{name}"
aggregator = "{address}"
# Clean lines of the site's own stream, or log files that are sanitized first:
topic = "deepsentry.logs.clean.v1"
since = "7d"
# logs = ["/var/log/app.log"]
"""
_POLICY_TOML: Final = """\
# What this site lets an aggregator ask for. Belongs to the site; read when `deepsentry site serve` starts.
apps = ["deepsentry/federation"]
bundles = [{bundle}]
least_sites = 3
most_rounds = 200
most_steps = 500
most_rate = 0.02
secure_only = false
least_noise = 0.0
epsilon = 8.0
report = ["loss", "auc", "current-auc", "epsilon"]
adopt = true
"""


class SiteFile(Section):
    """site.toml."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    aggregator: str = Field(pattern=r"^[^\s/]+:[0-9]{1,5}$")
    topic: str = ""
    since: str = ""
    logs: tuple[str, ...] = ()
    key: str = ""
    """RE2 pattern of the session id, as for `deepsentry train`."""
    port: int = Field(9094, ge=1, le=65535)
    """Loopback port between the SuperNode and the agent."""


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a site sends back: its name and public keys."""

    name: str
    node_key: str
    signing_key: str


def make_kit(home: Home, name: str, address: str, bundle: str) -> Path:
    """Return the folder that goes to a site; it holds nothing secret. Raises FederationError."""
    check_name(name)
    folder = home.kits / name
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(home.keys / authority.CA_CERT, folder / authority.CA_CERT)
    write(folder / SITE, _SITE_TOML.format(name=name, address=address).encode())
    write(folder / POLICY, _POLICY_TOML.format(bundle=f'"{bundle}"').encode())
    return folder


def init_site(kit: Path, folder: Path) -> Path:
    """Make a site's folder from its kit, with keys that never leave it; return the card for the aggregator."""
    if (folder / NODE_KEY).exists():
        message = f"{folder} has keys already; a site has one pair for its life"
        raise FederationError(message)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in (authority.CA_CERT, SITE, POLICY):
            write(folder / name, (kit / name).read_bytes())
    except OSError as error:
        message = f"{kit} is no start-up kit: {error.strerror}"
        raise FederationError(message) from None
    site = read_site(folder / SITE)
    public = authority.new_node_key(folder / NODE_KEY)
    signing = create_signing_key()
    write(folder / SIGNING_KEY, signing, SECRET)
    card = folder / f"{site.name}.card.json"
    write(card, wire.pretty(Card(site.name, public, public_pem(signing_key(signing)))).encode())
    return card


def read_card(path: Path) -> Card:
    """Return a card. Raises FederationError."""
    try:
        with path.open("rb") as file:
            card = wire.decode(Card, file.read(_MOST_CARD))
    except (OSError, WireError) as error:
        message = f"{path} is no card of a site: {error}"
        raise FederationError(message) from None
    check_name(card.name)
    return card


def read_site(path: Path) -> SiteFile:
    """Return a site's configuration. Raises SettingsError with the field."""
    try:
        return SiteFile(**tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        message = f"{path}: {error}"
        raise SettingsError(message) from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        message = f"{path}: {'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
        raise SettingsError(message) from None
