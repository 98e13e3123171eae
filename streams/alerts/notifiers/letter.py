"""An alert as an e-mail: text and HTML, the plot inline, one thread for one problem. Pure."""

import html
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final

from deepsentry.events import Severity
from streams.alerts import around, wording
from streams.alerts.fingerprint import digest
from streams.alerts.notice import Notice
from streams.alerts.visible import visible

SUBJECT: Final = 160
BEFORE: Final = 20
"""Lines of the minutes before that are shown."""
COLOURS: Final[dict[Severity, str]] = {
    "critical": "#b00020",
    "error": "#c0392b",
    "warning": "#b07d00",
    "info": "#1f6f8b",
}
CELL: Final = "padding:2px 12px 2px 0;vertical-align:top;"
MONO: Final = "font-family:monospace;white-space:pre-wrap;"


def compose(notice: Notice, sender: str, recipients: tuple[str, ...], image: bytes) -> EmailMessage:
    """Return the letter of `notice`; `image` is a PNG, or empty for none.

    The same notice has the same Message-ID, and all letters of one fingerprint refer to one id, which no letter has:
    mail programs put them into one thread (RFC 5322, 3.6.4), whichever of them was lost.
    """
    letter = EmailMessage(policy=SMTP)
    domain = sender.rpartition("@")[2]
    root = f"<{digest('thread', notice.alert.fingerprint)}.deepsentry@{domain}>"
    letter["From"] = f"DeepSentry <{sender}>"
    letter["To"] = ", ".join(recipients)
    letter["Subject"] = _subject(notice)
    letter["Date"] = format_datetime(notice.alert.updated_at)
    letter["Message-ID"] = f"<{digest('letter', notice.key)}.deepsentry@{domain}>"
    letter["References"] = root
    letter["In-Reply-To"] = root
    letter["Auto-Submitted"] = "auto-generated"
    letter["X-DeepSentry-Key"] = visible(notice.key, wording.NAME)
    letter.set_content(text(notice), cte="quoted-printable")
    cid = f"{digest('plot', notice.key)}.deepsentry@{domain}"
    letter.add_alternative(_html(notice, cid if image else ""), subtype="html", cte="quoted-printable")
    if image:
        _, page = letter.iter_parts()
        page.add_related(image, "image", "png", cid=f"<{cid}>", filename="scores.png", disposition="inline")
    return letter


def text(notice: Notice) -> str:
    """Return the letter for those who read plain text."""
    alert = notice.alert
    rows = [f"{alert.severity.upper()} {wording.title(alert)}  {notice.occasion}", ""]
    for label, value in _facts(notice):
        first, *others = value.split("\n")
        rows += [f"{label:<9} {first}", *(f"{'':<9} {other}" for other in others)]
    if alert.status == "firing":
        rows += ["", *wording.lines(alert.anomaly), "", wording.source(alert.anomaly), wording.model(alert.anomaly)]
    if notice.context is not None:
        rows += ["", *around.before(notice.context, BEFORE)]
    if notice.links:
        rows += ["", *(f"{wording.ANSWERS[said]}: {address}" for said, address in notice.links)]
    return "\n".join([*rows, "", f"look closer: {wording.closer(alert.anomaly)}", f"key: {visible(notice.key)}", ""])


def _facts(notice: Notice) -> Iterator[tuple[str, str]]:
    yield from wording.facts(notice)
    if notice.context is not None:
        yield from around.facts(notice.context)


def _subject(notice: Notice) -> str:
    """Return the same subject for all letters of an alert: some mail programs tell threads by it."""
    title = f"[DeepSentry] {wording.title(notice.alert)}"
    return title if len(title) <= SUBJECT else title[: SUBJECT - 1] + "…"


def _linked(address: str) -> str:
    """Return a link; the address is one of the settings."""
    return f'<a href="{html.escape(address)}">{html.escape(address)}</a>'


def _pre(text: str) -> str:
    return f'<pre style="background:#f4f4f4;padding:8px;{MONO}">{html.escape(text)}</pre>'


def _html(notice: Notice, cid: str) -> str:
    alert = notice.alert
    colour = "#2e7d32" if alert.status == "resolved" else COLOURS[alert.severity]
    rows = "".join(
        f'<tr><td style="{CELL}color:#666">{html.escape(label)}</td>'
        f'<td style="{CELL}{MONO}">{_linked(value) if label == "runbook" else html.escape(value)}</td></tr>'
        for label, value in _facts(notice)
    )
    shown = "\n".join(wording.lines(alert.anomaly)) if alert.status == "firing" else ""
    lines = _pre(shown) if shown else ""
    before = _pre("\n".join(around.before(notice.context, BEFORE))) if notice.context is not None else ""
    answers = " · ".join(
        f'<a href="{html.escape(address)}">{wording.ANSWERS[said]}</a>' for said, address in notice.links
    )
    plot = (
        f'<p><img src="cid:{html.escape(cid)}" alt="scores of the views, and the sequence" width="640"></p>'
        if cid
        else ""
    )
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"></head><body style="font-family:sans-serif">'
        f'<h2 style="color:{colour}">{html.escape(alert.severity.upper())} {html.escape(wording.title(alert))}</h2>'
        f"<p>{html.escape(notice.occasion)}</p><table>{rows}</table>{lines}{plot}{before}"
        f"{f'<p>{answers}</p>' if answers else ''}"
        f'<p style="color:#666">look closer: <code>{html.escape(wording.closer(alert.anomaly))}</code></p>'
        f'<p style="color:#666">key: <code>{html.escape(visible(notice.key))}</code></p></body></html>\n'
    )
