"""An alert as a CloudEvent 1.0 in structured JSON (github.com/cloudevents/spec), small enough to be passed on."""

from typing import Any, Final

from deepsentry import wire
from streams.alerts.notice import Notice

CONTENT_TYPE: Final = "application/cloudevents+json; charset=utf-8"
LIMIT: Final = 65_536
"""Bytes that intermediaries must forward (CloudEvents 1.0, "Size Limits")."""
STEPS: Final = ((4000, 1000), (1000, 100), (200, 30), (64, 5))
"""Characters of a text and elements of a list or table, tried until the event fits."""


def encode(notice: Notice, source: str) -> bytes:
    """Return the event of `notice`, at most LIMIT bytes; where something was cut, `data.truncated` is true.

    `source` says which installation speaks; with `id`, the key of the notice, it is unique.
    """
    alert = notice.alert
    event: dict[str, object] = {
        "specversion": "1.0",
        "id": notice.key,
        "source": source,
        "type": f"io.deepsentry.alert.{notice.occasion}.v1",
        "time": alert.updated_at,
        "datacontenttype": "application/json",
        **({"subject": _cut(alert.service, STEPS[-2])} if alert.service else {}),
    }
    data: Any = wire.builtins(alert)
    if notice.context is not None:
        data["context"] = wire.builtins(notice.context)
    links = {"links": dict(notice.links)} if notice.links else {}  # a link that is cut is none
    body = wire.encode({**event, "data": {**data, **links}})
    for step in STEPS:
        if len(body) <= LIMIT:
            break
        body = wire.encode({**event, "data": {**_cut(data, step), "truncated": True, **links}})
    return body


def _cut(value: Any, step: tuple[int, int]) -> Any:
    characters, elements = step
    keys = max(elements, 32)  # no event has that many fields, so only tables are cut
    match value:
        case str():
            return value if len(value) <= characters else value[: characters - 1] + "…"
        case dict():
            return {_cut(key, step): _cut(item, step) for key, item in list(value.items())[:keys]}
        case list() | tuple():
            return [_cut(item, step) for item in value[:elements]]
        case _:
            return value
