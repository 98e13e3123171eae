"""Keys of vendors, a kind for each row of the rule file: its form filled anew, in sentences that it never saw.

The forms are the rule's own; what this measures is whether the key is found wherever a log may hold it.
"""

import functools
import re
from random import Random
from typing import Final

from benchmarks.planting.kinds import Draw, Kind, Secret, some
from streams.redaction.examples import ALPHABETS
from streams.redaction.rule import Rule
from streams.redaction.rulebook import load, shipped
from streams.redaction.rulefile import RuleRow, parse
from streams.redaction.shadow import shadow

_PLACE: Final = re.compile(r"\{(\w+):(\d{1,4})\}|\{\}")
_MARKED: Final = re.compile("«([^»]*)»")
_LABEL: Final = re.compile(r"([\w.-]+)")
_NEAR: Final = "(?&near)"
_SAYS_SO: Final = ("key", "secret", "token", "password", "api")
_HOMES: Final = ("{}_api_key", "{}.secret", "{}-auth-token", "{}Key", "MY_{}_TOKEN", "services.{}.credential")


@functools.cache
def kinds() -> tuple[Kind, ...]:
    """Return a kind for each vendor rule."""
    rules = {rule.id: rule for rule in load(None).rules}
    file = next(item for item in shipped() if item.name == "vendors.toml")
    rows = parse(file.name, file.read_text(encoding="utf-8")).file.rule
    return tuple(_kind(row, rules[row.id]) for row in rows)


def _kind(row: RuleRow, rule: Rule) -> Kind:
    written = row.matches[0]
    if _NEAR in row.pattern:
        marked = _MARKED.search(written)
        form = marked[1] if marked else written
        return Kind(row.id, "vendor keys", functools.partial(_value, form), tuple(_labels(row)))
    return Kind(row.id, "vendor keys", _whole(written, rule))


def _labels(row: RuleRow) -> list[str]:
    written = _LABEL.search(row.matches[0])
    first = written[1].lower().removesuffix("_key").strip("_") if written else ""
    names = dict.fromkeys((first, *(word for word in row.keywords if word.isalnum() and word in row.pattern)))
    return [
        name if any(word in name for word in _SAYS_SO) else home.format(name.upper() if home.isupper() else name)
        for home in _HOMES
        for name in names
    ]


def _value(form: str, rng: Random) -> Secret:
    value = _filled(form, rng)
    return Secret(value, value)


def _whole(written: str, rule: Rule) -> Draw:
    """Return a draw of the key alone where the rule knows it alone, else of the whole example around it."""

    def draw(rng: Random) -> Secret:
        text = _filled(written, rng)
        marked = _MARKED.search(text)
        text = text.replace("«", "").replace("»", "")
        value = marked[1] if marked else _taken(rule, text)
        return Secret(value, value) if _taken(rule, value) == value else Secret(text, value)

    return draw


def _taken(rule: Rule, text: str) -> str:
    data = shadow(text)
    hits = rule.hits(data) if rule.applies(data, data.lower()) else ()
    return next((text[hit.start : hit.end] for hit in hits), "")


def _filled(form: str, rng: Random) -> str:
    return _PLACE.sub(lambda match: some(rng, ALPHABETS[match[1]], int(match[2])) if match[1] else "", form)
