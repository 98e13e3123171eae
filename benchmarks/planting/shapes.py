"""Sentences that hold a secret, none of them from the rules' own examples, and where in a record each part stands."""

import base64
import json
import re
from collections.abc import Callable, Mapping
from random import Random
from typing import Final, NamedTuple
from urllib.parse import quote

from benchmarks.planting.kinds import Kind, Secret


class Line(NamedTuple):
    """A message with attributes, and the secret in every form in which they hold it."""

    message: str
    hidden: tuple[str, ...]
    attributes: Mapping[str, str] = {}
    path: str = ""


_PARTS: Final = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z0-9]+")
Shape = Callable[[str, Secret], Line]
"""Takes the label (empty for what needs none) and the secret."""


def _plain(template: str) -> Shape:
    """Return a shape from a template with {label}, {title} and {text}."""

    def shape(label: str, secret: Secret) -> Line:
        title = "-".join(part.capitalize() for part in _PARTS.findall(label))
        words = {"label": label, "title": title, "text": secret.text}
        message = template
        for name, word in words.items():
            message = message.replace("{" + name + "}", word)
        return Line(message, (secret.value,))

    return shape


def _json(label: str, secret: Secret) -> Line:
    return Line(json.dumps({"event": "saved", label or "arg": secret.text, "ok": True}), _escaped(secret, 1))


def _json_in_json(label: str, secret: Secret) -> Line:
    body = json.dumps({label or "arg": secret.text, "n": 2})
    return Line(json.dumps({"event": "call", "body": body}), _escaped(secret, 2))


def _escaped(secret: Secret, times: int) -> tuple[str, ...]:
    value = secret.value
    for _ in range(times):
        value = json.dumps(value)[1:-1]
    return (secret.value, value)


def _query(label: str, secret: Secret) -> Line:
    text, value = quote(secret.text, safe=""), quote(secret.value, safe="")
    return Line(f'203.0.113.9 - - "GET /profile?{label or "q"}={text}&lang=de HTTP/1.1" 200 512', (secret.value, value))


def _base64(label: str, secret: Secret) -> Line:
    inner = json.dumps({"lang": "de", label or "arg": secret.text})
    packed = base64.b64encode(inner.encode()).decode()
    return Line(f"consumed event payload={packed} from partition", (secret.value, packed))


def _unicode_escapes(label: str, secret: Secret) -> Line:
    first = f"\\u{ord(secret.value[0]):04x}"
    start = secret.text.index(secret.value)
    text = secret.text[:start] + first + secret.text[start + 1 :]
    name = label or "arg"
    return Line(f'broker said {{"{name}":"{text}"}}', (secret.value, first + secret.value[1:]))


def _attribute(label: str, secret: Secret) -> Line:
    return Line("profile saved", (secret.value,), {label or "detail": secret.text})


def _name_of_attribute(_: str, secret: Secret) -> Line:
    return Line("profile saved", (secret.value,), {secret.text: "1"})


def _path(_: str, secret: Secret) -> Line:
    return Line("profile saved", (secret.value,), path=f"/srv/{secret.text}/app.log")


LABELLED: Final[Mapping[str, Shape]] = {
    "logfmt": _plain('level=info msg="profile saved" {label}={text} took=12ms'),
    "logfmt, quoted": _plain('level=info msg="profile saved" {label}="{text}" took=12ms'),
    "json": _json,
    "json in json": _json_in_json,
    "query": _query,
    "header": _plain("> Host: shop > X-{title}: {text}"),
    "stack trace": _plain(
        "java.lang.IllegalStateException: bad input, {label}: {text}\n"
        "\tat shop.Profile.check(Profile.java:41)\n\tat shop.Main.run"
    ),
    "first": _plain("{label}: {text} was refused by the upstream"),
    "last": _plain("upstream refused the request with {label}={text}"),
    "beside unicode": _plain("Größe geändert → {label}: {text} ✓ erledigt"),
    "toString": _plain("saving Profile[lang=de, {label}={text}, retries=3]"),
    "python": _plain("saving {'lang': 'de', '{label}': '{text}', 'retries': 3}"),
    "ruby": _plain('Parameters: {"lang"=>"de", "{label}"=>"{text}"}'),
    "go": _plain("saving &{Lang:de {label}:{text} Retries:3}"),
    "xml": _plain("<profile><lang>de</lang><{label}>{text}</{label}></profile>"),
    "sql": _plain("UPDATE profile SET lang = 'de', {label} = '{text}' WHERE id = 41"),
    "environment": _plain("+ export {label}={text}"),
    "form": lambda label, secret: Line(
        f"body: lang=de&{label}={quote(secret.text, safe='')}&submit=1", (secret.value, quote(secret.value, safe=""))
    ),
    "base64": _base64,
    "unicode escape": _unicode_escapes,
    "attribute": _attribute,
}
FREE: Final[Mapping[str, Shape]] = {
    "first": _plain("{text} was refused by the upstream"),
    "last": _plain("upstream refused the request of {text}"),
    "alone": _plain("{text}"),
    "logfmt": _plain("level=info arg={text} took=12ms"),
    "quoted": _plain('worker 3: cannot use "{text}" here'),
    "single quotes": _plain("worker 3: cannot use '{text}' here"),
    "brackets": _plain("retrying (2 of 3) [{text}] in 40 ms"),
    "list": _plain("batch of lang,{text},de"),
    "header": _plain("> Host: shop\n> X-Forwarded-Arg: {text}\n> Accept: */*"),
    "stack trace": _plain("RuntimeError: cannot use {text}\n  File app.py, line 41, in handle"),
    "beside unicode": _plain("Größe geändert → {text} ✓ erledigt"),
    "glued to unicode": _plain("«{text}» erledigt"),
    "xml": _plain("<call><arg>{text}</arg></call>"),
    "json": _json,
    "json in json": _json_in_json,
    "query": _query,
    "base64": _base64,
    "unicode escape": _unicode_escapes,
    "attribute": _attribute,
    "name of an attribute": _name_of_attribute,
    "path": _path,
}
PHRASES: Final = frozenset(
    (
        *("first", "last", "alone", "brackets", "json", "json in json", "attribute", "header"),
        *("beside unicode", "stack trace"),
    )
)


def shapes(kind: Kind) -> Mapping[str, Shape]:
    """Return the shapes in which a kind is planted."""
    if kind.labels:
        return LABELLED
    return FREE if kind.bare else {name: shape for name, shape in FREE.items() if name in PHRASES}


def label(kind: Kind, rng: Random) -> str:
    """Return one of the words that stand before the value."""
    return rng.choice(kind.labels) if kind.labels else ""
