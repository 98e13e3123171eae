"""An alert in Slack's Block Kit (docs.slack.dev, block reference): log text can forge no link and call nobody. Pure."""

from collections.abc import Iterator
from typing import Any, Final

from streams.alerts import wording
from streams.alerts.notice import Notice
from streams.alerts.visible import visible

HEADER: Final = 150
TEXT: Final = 3000
FIELD: Final = 2000
BUTTON: Final = 75
FENCE: Final = "```"
ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
MARKS: Final = {"critical": "🔴", "error": "🟠", "warning": "🟡", "info": "🔵"}

Block = dict[str, Any]


def escaped(text: str, limit: int) -> str:
    """Return `text` with Slack's three entities, at most `limit` UTF-16 units, never cut inside an entity."""
    pieces: list[str] = []
    left = limit - 1  # for the mark of a cut
    for character in text:
        piece = ENTITIES.get(character, character)
        left -= len(piece) + (piece > "\uffff")
        if left < 0:
            return "".join(pieces) + "…"
        pieces.append(piece)
    return "".join(pieces)


def message(notice: Notice) -> dict[str, Any]:
    """Return text and blocks of `notice`, some 11,000 characters at most: 13,200 is where Slack refuses."""
    return {
        "text": escaped(headline(notice), TEXT),
        "blocks": _blocks(notice),
        "unfurl_links": False,
        "unfurl_media": False,
    }


def headline(notice: Notice) -> str:
    """Return what happened in one line, not yet escaped."""
    alert = notice.alert
    sign = "✅" if alert.status == "resolved" else MARKS[alert.severity]
    return f"{sign} {notice.occasion} ({alert.severity}): {wording.title(alert)}"


def _blocks(notice: Notice) -> list[Block]:
    alert = notice.alert
    facts = dict(wording.facts(notice))
    facts.pop("runbook", None)  # it has a button
    fields = [_plain(f"{name}\n{facts.pop(name)}", FIELD) for name in ("seen", "where")]
    blocks: list[Block] = [
        {"type": "header", "text": _plain(headline(notice), HEADER)},
        {"type": "section", "fields": fields},
    ]
    if facts:
        rows = "\n".join(f"{label}\n{_indented(value)}" for label, value in facts.items())
        blocks.append(_fenced(rows))
    lines = "\n".join(wording.lines(alert.anomaly))
    if alert.status == "firing" and lines:
        blocks.append(_fenced(lines))
    if buttons := list(_buttons(notice)):
        blocks.append({"type": "actions", "elements": buttons})
    closer = f"alert {visible(alert.id)} · look closer: {wording.closer(alert.anomaly)}"
    key = f"key {visible(notice.key)}"
    return [*blocks, {"type": "context", "elements": [_plain(closer, FIELD), _plain(key, FIELD)]}]


def _buttons(notice: Notice) -> Iterator[Block]:
    if notice.alert.status == "firing" and notice.alert.runbook:
        yield _button("Runbook", notice.alert.runbook, "runbook")
    for said, address in notice.links:
        yield _button(wording.ANSWERS[said], address, f"verdict_{said}")


def _button(text: str, address: str, action: str) -> Block:
    return {"type": "button", "text": _plain(text, BUTTON), "url": address, "action_id": action}


def _indented(value: str) -> str:
    return "\n".join(f"  {row}" for row in value.split("\n"))


def _plain(text: str, limit: int) -> Block:
    return {"type": "plain_text", "text": escaped(text, limit), "emoji": False}


def _fenced(text: str) -> Block:
    """Put `text` where Slack formats nothing; a run of backticks in it would end that place."""
    body = escaped(text.replace("`", "'"), TEXT - 2 * len(FENCE) - 2)
    return {"type": "section", "text": {"type": "mrkdwn", "text": f"{FENCE}\n{body}\n{FENCE}", "verbatim": True}}
