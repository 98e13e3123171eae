"""What an operator may change: environment over files named by the environment over deepsentry.toml over defaults.

`DEEPSENTRY_KAFKA__BOOTSTRAP` sets `kafka.bootstrap`; `DEEPSENTRY_REDACTION__SITE_KEY_FILE` reads
`redaction.site_key` from a file, without its last newline.
"""

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import BaseModel, SecretStr, ValidationError

from deepsentry import wire
from deepsentry.control import Api, Mongo, Redis
from deepsentry.errors import SettingsError, WireError
from deepsentry.handling import Alerts
from deepsentry.section import Section
from deepsentry.sections import Federation, Ingest, Kafka, Log, Models, Redaction, Sequences, Worker
from deepsentry.targets import SECRETS, Target

PREFIX: Final = "DEEPSENTRY_"
TARGETS: Final = ("alerts", "targets")
LINK_KEY: Final = ("alerts", "links", "key")
CONFIG_FILE: Final = "deepsentry.toml"
"""Read from the working directory, or from the path in DEEPSENTRY_CONFIG."""


class Settings(Section):
    """All settings; built by `load`, which knows the sources and words the errors."""

    kafka: Kafka = Kafka()
    ingest: Ingest = Ingest()
    redaction: Redaction = Redaction()
    sequences: Sequences = Sequences()
    models: Models = Models()
    alerts: Alerts = Alerts()
    worker: Worker = Worker()
    api: Api = Api()
    mongo: Mongo = Mongo()
    redis: Redis = Redis()
    federation: Federation = Federation()
    log: Log = Log()
    data: Path | None = None
    """Folder of the benchmark data sets."""


Origins = dict[str, str]
"""Dotted key -> where its value came from."""


def load(environ: Mapping[str, str] | None = None, path: Path | None = None) -> tuple[Settings, Origins]:
    """Return the effective settings and where each that is not a default came from.

    Raises SettingsError, which names the key and, for an unknown one, the nearest known.
    """
    environ = os.environ if environ is None else environ
    named = path or (Path(environ[PREFIX + "CONFIG"]) if PREFIX + "CONFIG" in environ else None)
    merged: dict[str, Any] = {}
    origins: Origins = {}
    for key, value, origin in [*_from_toml(named), *_from_environment(environ)]:
        _put(merged, key, value)
        origins[".".join(key)] = origin
    try:
        return Settings(**merged), origins
    except ValidationError as error:
        raise SettingsError(_explain(error, origins)) from None


def known_keys() -> list[str]:
    """Return every dotted key that can be set; `*` stands for a name that the operator chooses."""
    return sorted(set(_keys(Settings, ())))


def effective(settings: Settings) -> dict[str, str]:
    """Return dotted key -> value for people; secrets are masked."""
    flat: dict[str, str] = {}

    def walk(value: object, key: tuple[str, ...]) -> None:
        if isinstance(value, BaseModel):
            for name in type(value).model_fields:
                walk(getattr(value, name), (*key, name))
        elif isinstance(value, dict) and value:
            for name, item in value.items():
                walk(item, (*key, str(name)))
        elif isinstance(value, SecretStr):
            flat[".".join(key)] = "********" if value.get_secret_value() else ""
        else:
            flat[".".join(key)] = "" if value is None else str(value)

    walk(settings, ())
    return flat


def _from_toml(named: Path | None) -> Iterator[tuple[tuple[str, ...], object, str]]:
    path = named or Path(CONFIG_FILE)
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if named is not None:
            message = f"{path}: no such file (named by DEEPSENTRY_CONFIG or --config)"
            raise SettingsError(message) from None
        return
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        message = f"{path}: {error}"
        raise SettingsError(message) from None
    for key, value in _leaves(data, ()):
        if (key[:2] == TARGETS and key[-1] in SECRETS) or key == LINK_KEY:
            variable = PREFIX + "__".join(key).upper()
            message = (
                f"{path}: {'.'.join(key)}: a secret does not stand in this file; set {variable}_FILE or {variable}"
            )
            raise SettingsError(message)
        yield key, value, str(path)


def _leaves(data: dict[str, Any], key: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], object]]:
    for name, value in data.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, (*key, name))
        else:
            yield (*key, name), value


def _from_environment(environ: Mapping[str, str]) -> Iterator[tuple[tuple[str, ...], object, str]]:
    for variable in sorted(environ):
        if not variable.startswith(PREFIX) or variable == PREFIX + "CONFIG":
            continue
        key = tuple(variable.removeprefix(PREFIX).lower().split("__"))
        value: object = environ[variable]
        if key[-1].endswith("_file") and not _is_known(key):
            path = Path(environ[variable])
            key = (*key[:-1], key[-1].removesuffix("_file"))
            try:
                value = path.read_text(encoding="utf-8").removesuffix("\n")
            except (OSError, UnicodeDecodeError) as error:
                message = f"{variable}: cannot read {path}: {error}"
                raise SettingsError(message) from None
        elif environ[variable][:1] in {"{", "["}:
            try:
                value = wire.from_json(environ[variable])
            except WireError as error:
                message = f"{variable}: {error}"
                raise SettingsError(message) from None
        yield key, value, variable


def _put(tree: dict[str, Any], key: tuple[str, ...], value: object) -> None:
    for name in key[:-1]:
        below = tree.setdefault(name, {})
        if not isinstance(below, dict):
            message = f"{'.'.join(key)}: {name} is a value, not a table"
            raise SettingsError(message)
        tree = below
    tree[key[-1]] = value


def _keys(model: type[BaseModel], prefix: tuple[str, ...]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _keys(inner, (*prefix, name))
            continue
        values = list(_models(inner))
        for value in values:
            yield from _keys(value, (*prefix, name, "*"))
        if not values:
            yield ".".join((*prefix, name))


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    """Yield the tables that a dict, a list or a choice of tables holds."""
    for inner in get_args(annotation):
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield inner
        else:
            yield from _models(inner)


def _is_known(key: tuple[str, ...]) -> bool:
    return any(
        len(known) == len(key) and all(k in ("*", part) for k, part in zip(known, key, strict=True))
        for known in (tuple(k.split(".")) for k in known_keys())
    )


def _parts(key: str) -> tuple[str, ...]:
    return tuple(key.split("."))


def _kinds() -> str:
    kinds = (get_args(each.model_fields["kind"].annotation) for each in _models(Target))
    return ", ".join(kind for (kind,) in kinds)


def _explain(error: ValidationError, origins: Origins) -> str:
    found = error.errors(include_input=False, include_url=False)
    first = next((each for each in found if each["type"] == "extra_forbidden"), found[0])
    loc = tuple(str(part) for part in first["loc"])
    key = ".".join(loc[:3] + loc[4:] if loc[:2] == TARGETS else loc)  # there the kind of the target stands between
    given, origin = next(((k, o) for k, o in origins.items() if f"{k}.".startswith(f"{key}.")), (key, ""))
    origin = origin or next((o for k, o in origins.items() if f"{key}.".startswith(f"{k}.")), "settings")
    if first["type"].startswith("union_tag"):
        unknown = next(((k, o) for k, o in origins.items() if k.startswith(key) and not _is_known(_parts(k))), None)
        if unknown is None:
            return f"{origin}: {key}.kind: set it to one of {_kinds()}"
        key = given = unknown[0]
        origin = unknown[1]
    if first["type"] == "extra_forbidden" or first["type"].startswith("union_tag"):
        near = difflib.get_close_matches(given, known_keys(), n=1, cutoff=0.0)
        return f"{origin}: unknown setting {key!r}; the nearest known one is {near[0]!r}"
    return f"{origin}: {key}: {first['msg']}"
