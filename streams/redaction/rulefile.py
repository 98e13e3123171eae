"""The form of a rule file, and where in it a mistake stands."""

import re
import tomllib
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from deepsentry.errors import RuleError
from streams.redaction.tokens import TEMPLATE


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RuleRow(_Row):
    """A `[[rule]]`; the head of rules/secrets.toml explains each field."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{1,63}$")
    kind: str = Field("", pattern=r"^([a-z][a-z0-9-]{0,23})?$")
    keywords: tuple[str, ...] = Field((), max_length=64)
    gate: str = Field("", max_length=512)
    pattern: str = Field(min_length=1, max_length=4096)
    check: tuple[str, ...] = ()
    entropy: float = Field(0.0, ge=0, le=8)
    stop: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    normal: Literal["same", "digits", "alnum", "lower"] = "same"
    priority: int = Field(0, ge=-100, le=100)
    owns: bool = False
    group: Literal["", "network"] = ""
    matches: tuple[str, ...] = Field(min_length=1)
    misses: tuple[str, ...] = ()


class FieldRow(_Row):
    """A `[[field]]`: attribute names whose whole value is masked."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{1,63}$")
    kind: str = Field(pattern=r"^[a-z][a-z0-9-]{0,23}$")
    names: tuple[str, ...] = ()
    endings: tuple[str, ...] = ()
    group: Literal["", "network"] = ""
    shortest: int = Field(1, ge=1)
    stop: tuple[str, ...] = ()


class Allow(_Row):
    """What is never masked: exact values, and RE2 patterns that must match the whole of a finding."""

    values: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()


class RuleFile(_Row):
    """A rule file. `kind` and `unless` hold for its rules that name none; `(?&name)` in a pattern is a fragment."""

    kind: str = Field("secret", pattern=r"^[a-z][a-z0-9-]{0,23}$")
    fragments: dict[str, str] = {}
    unless: tuple[str, ...] = ()
    disable: tuple[str, ...] = ()
    mask: str = Field(TEMPLATE, min_length=1, max_length=64)
    allow: Allow = Allow()
    rule: tuple[RuleRow, ...] = ()
    field: tuple[FieldRow, ...] = ()


class Source(NamedTuple):
    """A rule file with its name and text, by which errors say where they are."""

    name: str
    text: str
    file: RuleFile

    def error(self, rule: str, key: str, problem: str) -> RuleError:
        """Return the error that names the file, the line of `key` in the rule, the rule and the problem."""
        where = self.where(rule, key)
        return RuleError(f"{where}: rule {rule!r}: {problem}" if rule else f"{where}: {problem}")

    def where(self, rule: str, key: str) -> str:
        """Return the name of the file and the line of `key` in the rule."""
        return f"{self.name}, line {self._line(rule, key)}"

    def _line(self, rule: str, key: str) -> int:
        lines = self.text.splitlines()
        begin = next((n for n, line in enumerate(lines) if rule and f'id = "{rule}"' in line), 0)
        for number in range(begin, len(lines)):
            if number > begin and lines[number].startswith("[["):
                break
            if re.match(rf"\s*{re.escape(key)}\s*=", lines[number]):
                return number + 1
        return begin + 1


def parse(name: str, text: str) -> Source:
    """Return the rule file; raises RuleError with the line for TOML that is none and for an unknown or wrong field."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = f"{name}: {error}"
        raise RuleError(message) from None
    try:
        return Source(name, text, RuleFile(**data))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = [str(part) for part in first["loc"]]
        row = data[place[0]][int(place[1])] if place[0] in {"rule", "field"} and place[1:] else {}
        rule = str(row.get("id", "")) if isinstance(row, dict) else ""
        key = place[2] if rule and place[2:] else place[0]
        raise Source(name, text, RuleFile()).error(rule, key, f"{key}: {first['msg']}") from None
