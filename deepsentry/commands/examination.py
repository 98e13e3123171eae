"""What `deepsentry doctor` looks at."""

import importlib.util
from collections.abc import Callable
from typing import Final

import msgspec

from deepsentry import kafka as broker
from deepsentry.errors import DeepSentryError
from deepsentry.settings import Settings
from deepsentry.topics import TOPICS
from models.registry import Registry
from streams.app import SHORTEST_KEY
from streams.redaction import create_redactor

ANSWER_WITHIN: Final = 5.0


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    check: str
    ok: bool
    found: str
    remedy: str = ""


def examine(settings: Settings) -> list[Finding]:
    """Return what was found; each check says by itself how to mend what is wrong."""
    return [
        _try("broker", lambda: _broker(settings), "start one with `deepsentry up`, or set DEEPSENTRY_KAFKA__BOOTSTRAP"),
        _try("topics", lambda: _topics(settings), "run `deepsentry topics create`"),
        _site_key(settings),
        _try("redaction", lambda: _redaction(settings), "mend redaction.rules_file"),
        _try("champion", lambda: _champion(settings), "train one with `deepsentry train`"),
        _module("hyperscan", "portable redaction engine in use: slower, same findings"),
        _module("tensorflow", "needed for `deepsentry train` only"),
    ]


def _try(check: str, look: Callable[[], Finding], remedy: str) -> Finding:
    try:
        return look()
    except DeepSentryError as error:
        return Finding(check, ok=False, found=str(error), remedy=remedy)


def _broker(settings: Settings) -> Finding:
    seconds = broker.wait_for_broker(settings.kafka, ANSWER_WITHIN)
    return Finding("broker", ok=True, found=f"{settings.kafka.bootstrap} answered in {1000 * seconds:.0f} ms")


def _topics(settings: Settings) -> Finding:
    rows = broker.describe_topics(settings.kafka)
    missing = [str(row["topic"]) for row in rows if not row["exists"]]
    differing = [f"{row['topic']}: {row['differs']}" for row in rows if row.get("differs")]
    if missing:
        return Finding("topics", ok=False, found=f"missing: {', '.join(missing)}", remedy="deepsentry topics create")
    return Finding("topics", ok=True, found=f"{len(TOPICS)} exist; {'; '.join(differing) or 'settings as ours'}")


def _site_key(settings: Settings) -> Finding:
    length = len(settings.redaction.site_key.get_secret_value())
    remedy = "set DEEPSENTRY_REDACTION__SITE_KEY_FILE to a file made by `openssl rand -hex 32`"
    found = f"{length} characters, at least {SHORTEST_KEY} needed"
    return Finding("site key", ok=length >= SHORTEST_KEY, found=found, remedy="" if length >= SHORTEST_KEY else remedy)


def _redaction(settings: Settings) -> Finding:
    redactor = create_redactor(settings.redaction, b"only for a look at the rules")
    return Finding("redaction", ok=True, found=f"rules {redactor.version}")


def _champion(settings: Settings) -> Finding:
    registry = Registry(settings.models.registry)
    champion = registry.champion(settings.models.name)
    if champion is None:
        found = f"no version of {settings.models.name} in {settings.models.registry}: the stream gives no verdict yet"
        return Finding("champion", ok=False, found=found, remedy="train one with `deepsentry train`")
    registry.load(settings.models.name, champion.version)
    return Finding("champion", ok=True, found=f"{champion.name} {champion.version}, digest {champion.digest[:12]}")


def _module(name: str, otherwise: str) -> Finding:
    present = importlib.util.find_spec(name) is not None
    return Finding(name, ok=True, found="installed" if present else f"absent: {otherwise}")
